//! The client's side of SOCKS 5 (RFC 1928, RFC 1929): greet, log in, ask for the vendor.

use std::io;
use std::net::IpAddr;

use llm_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::lookup_host;

use crate::failure;
use crate::stream::Stream;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// A user name and its password, ready to be sent.
pub(crate) struct Login(Vec<u8>);

impl Login {
    /// Each is cut to the 255 bytes that the protocol has room for.
    pub(crate) fn new(user: &str, password: &str) -> Self {
        let mut message = vec![1];
        for part in [user, password] {
            let part: Vec<u8> = part.bytes().take(usize::from(u8::MAX)).collect();
            message.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            message.extend(part);
        }
        Self(message)
    }
}

/// Turns a stream to a proxy into one to the vendor.
pub(crate) async fn connect(
    mut stream: Stream,
    host: &str,
    port: u16,
    login: Option<&Login>,
    resolve_here: bool,
) -> Result<Stream> {
    let address = address(host, port, resolve_here).await?;
    match converse(&mut stream, &address, login).await {
        Ok(None) => Ok(stream),
        Ok(Some(why)) => Err(Error::new(
            ErrorKind::Connection,
            format!("the SOCKS proxy did not connect to the vendor: {why}"),
        )),
        Err(cause) => Err(failure::connecting("the SOCKS proxy did not connect to the vendor", &cause)),
    }
}

/// `Some` with the reason when the proxy refuses.
async fn converse(
    stream: &mut Stream,
    address: &[u8],
    login: Option<&Login>,
) -> io::Result<Option<&'static str>> {
    let method = if login.is_some() { PASSWORD } else { NO_LOGIN };
    stream.write_all(&[VERSION, 1, method]).await?;
    stream.flush().await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    if chosen != [VERSION, method] {
        return Ok(Some("it wants another way to log in, set or remove the user name in the proxy url"));
    }
    if let Some(Login(message)) = login {
        stream.write_all(message).await?;
        stream.flush().await?;
        let mut verdict = [0; 2];
        stream.read_exact(&mut verdict).await?;
        if verdict[1] != 0 {
            return Ok(Some("it refused the user name or password"));
        }
    }
    stream.write_all(&[&[VERSION, CONNECT, 0], address].concat()).await?;
    stream.flush().await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    if answer[0] != VERSION || answer[1] != 0 {
        return Ok(Some(reason(answer[1])));
    }
    skip_address(stream, answer[3]).await?;
    Ok(None)
}

/// The address that the proxy is connected from says nothing to us, but stands in the way.
async fn skip_address(stream: &mut Stream, kind: u8) -> io::Result<()> {
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "unknown kind of address")),
    };
    let mut rest = [0; u8::MAX as usize + 2];
    let rest = rest.get_mut(..length + 2).unwrap_or_default();
    stream.read_exact(rest).await.map(drop)
}

/// Kind, address and port as the protocol writes them.
async fn address(host: &str, port: u16, resolve_here: bool) -> Result<Vec<u8>> {
    let mut known = host.parse::<IpAddr>().ok();
    if known.is_none() && resolve_here {
        let mut found = lookup_host((host, port))
            .await
            .map_err(|cause| failure::resolving("the vendor", &cause.to_string()))?;
        known = found.next().map(|address| address.ip());
    }
    let mut written = match known {
        Some(IpAddr::V4(address)) => [&[IPV4][..], &address.octets()].concat(),
        Some(IpAddr::V6(address)) => [&[IPV6][..], &address.octets()].concat(),
        None => {
            let length = u8::try_from(host.len())
                .map_err(|_| Error::invalid("the vendor's host name is too long for a SOCKS proxy"))?;
            [&[NAME, length][..], host.as_bytes()].concat()
        }
    };
    written.extend(port.to_be_bytes());
    Ok(written)
}

fn reason(code: u8) -> &'static str {
    match code {
        2 => "its rules forbid it",
        3 | 4 => "it found no way there",
        5 => "the connection was refused",
        6 => "it took too long",
        _ => "it failed",
    }
}
