//! `llm-server healthcheck`: whether a gateway answers, for containers without any other program.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::Failure;
use crate::cli::Healthcheck;

/// The most bytes of an answer that are read.
const MOST: u64 = 4096;

/// Says that the gateway answers.
pub(crate) fn ask(asked: &Healthcheck) -> Result<String, Failure> {
    let url = asked.url.clone().unwrap_or_else(own);
    let path = if asked.ready { "/health/readiness" } else { "/health/liveliness" };
    let place = url.trim_end_matches('/').strip_prefix("http://").ok_or_else(|| {
        Failure(format!("error: `{url}` is no http address\n  help: ask the gateway itself, without TLS"))
    })?;
    let (host, base) =
        place.split_once('/').map_or((place, String::new()), |(host, base)| (host, format!("/{base}")));
    let status = status(host, &format!("{base}{path}"), asked.timeout)
        .map_err(|error| Failure(format!("error: no gateway answers at {url}: {error}")))?;
    match status {
        200 => Ok(format!("{url} answers\n")),
        other => Err(Failure(format!("error: the gateway at {url} answers {path} with status {other}"))),
    }
}

/// The gateway that runs beside this program, with its environment.
fn own() -> String {
    let port = ["LLM_PORT", "PORT"].iter().find_map(|name| std::env::var(name).ok());
    format!("http://127.0.0.1:{}", port.as_deref().unwrap_or("4000"))
}

fn status(host: &str, path: &str, timeout: Duration) -> io::Result<u16> {
    let address = address(host)?;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer)?;
    let head = String::from_utf8_lossy(&answer);
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what answers is no HTTP server"))
}

fn address(host: &str) -> io::Result<SocketAddr> {
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = if has_port { host.to_owned() } else { format!("{host}:80") };
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    host.to_socket_addrs()?.next().ok_or_else(none)
}
