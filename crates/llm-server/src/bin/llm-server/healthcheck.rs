//! `llm-server healthcheck`: whether a gateway answers, for containers without any other program.

use std::io::{self, Read, Write};
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
    let (scheme, place) = url.trim_end_matches('/').split_once("://").unwrap_or_default();
    if !matches!(scheme, "http" | "https") {
        return Err(Failure(format!("error: `{url}` is no http address\n  help: ask the gateway itself")));
    }
    let (host, base) =
        place.split_once('/').map_or((place, String::new()), |(host, base)| (host, format!("/{base}")));
    let request = format!("GET {base}{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let status = status((scheme, host), &request, asked.timeout)
        .map_err(|error| Failure(format!("error: no gateway answers at {url}: {error}")))?;
    match status {
        200 => Ok(format!("{url} answers\n")),
        other => Err(Failure(format!("error: the gateway at {url} answers {path} with status {other}"))),
    }
}

/// The gateway that runs beside this program, with its environment.
fn own() -> String {
    let port = ["LLM_PORT", "PORT"].iter().find_map(|name| std::env::var(name).ok());
    let scheme = if std::env::var_os("SSL_CERTFILE_PATH").is_some() { "https" } else { "http" };
    format!("{scheme}://127.0.0.1:{}", port.as_deref().unwrap_or("4000"))
}

fn status((scheme, host): (&str, &str), request: &str, timeout: Duration) -> io::Result<u16> {
    let address = address(host, if scheme == "https" { 443 } else { 80 })?;
    let stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let answer = match scheme {
        "https" => exchange(llm_server::over_tls(stream)?, request)?,
        _ => exchange(stream, request)?,
    };
    let head = String::from_utf8_lossy(&answer);
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what answers is no HTTP server"))
}

fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.take(MOST).read_to_end(&mut answer) {
        // The other side need not say farewell.
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

fn address(host: &str, port: u16) -> io::Result<SocketAddr> {
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    host.to_socket_addrs()?.next().ok_or_else(none)
}
