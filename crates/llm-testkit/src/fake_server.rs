//! A server on this machine that answers each request by a function, on threads of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// It listens until it is dropped.
pub(crate) struct FakeServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl FakeServer {
    pub(crate) fn start(answer: impl Fn(&Asked) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (is_over, answer) = (Arc::new(AtomicBool::new(false)), Arc::new(answer));
        let over = Arc::clone(&is_over);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let (answer, over) = (Arc::clone(&answer), Arc::clone(&over));
                thread::spawn(move || talk(&socket, &*answer, &over));
            }
        });
        Self { address, is_over }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // The listener waits for somebody; whether it is there any more does not matter.
        let _ = TcpStream::connect(self.address);
    }
}

fn talk(socket: &TcpStream, answer: &dyn Fn(&Asked) -> (u16, Vec<u8>), over: &AtomicBool) {
    let Ok(copy) = socket.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    while let Some(asked) = read(&mut reader) {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let (status, body) = answer(&asked);
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut written = head.into_bytes();
        if asked.method != "HEAD" {
            written.extend_from_slice(&body);
        }
        let mut socket = socket;
        if socket.write_all(&written).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { method, target, headers, body: Vec::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body.resize(length, 0);
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}
