//! Somebody who is told over HTTP: what came, and what is answered.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The longest wait for something that must come.
const COMES: Duration = Duration::from_secs(20);

/// A request that came.
pub(crate) struct Told {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Listens until the test ends.
pub(crate) struct Listener {
    pub(crate) url: String,
    told: Receiver<Told>,
}

impl Listener {
    /// Answers each request with a status and a body.
    pub(crate) fn start(answer: impl Fn(&Told) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (sender, told) = sync_channel(1_000);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let Some(request) = read(&socket) else { continue };
                let (status, body) = answer(&request);
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let _ =
                    (&socket).write_all(head.as_bytes()).and_then(|()| (&socket).write_all(body.as_bytes()));
                if sender.send(request).is_err() {
                    break;
                }
            }
        });
        Self { url, told }
    }

    pub(crate) fn next(&self) -> Told {
        self.told.recv_timeout(COMES).expect("something comes")
    }

    /// What came and was not looked at.
    pub(crate) fn rest(&self) -> Vec<Told> {
        self.told.try_iter().collect()
    }
}

fn read(socket: &TcpStream) -> Option<Told> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Told { path, head, body: String::from_utf8(body).ok()? })
}
