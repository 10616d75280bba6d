//! A vendor that is none: it writes bytes, right or wrong, and ends as it is told.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a connection ends after the bytes.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// In the orderly way.
    Close,
    /// Without a word, as when a machine fails.
    Reset,
    /// Not at all.
    Hang,
}

/// A vendor of bytes. Dropping it closes its door and everything that hangs.
pub struct RawVendor {
    url: String,
    door: JoinHandle<()>,
}

impl RawVendor {
    /// Opens the door: whoever sends a request gets these bytes and this end.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(bytes: &str, end: End) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let bytes = bytes.to_owned();
        let door = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                open.extend(serve(socket, &bytes, end).await);
            }
        });
        Self { url, door }
    }

    /// Its address, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for RawVendor {
    fn drop(&mut self) {
        self.door.abort();
    }
}

/// The socket, when it stays open. Who calls may be gone by now.
async fn serve(mut socket: TcpStream, bytes: &str, end: End) -> Option<TcpStream> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") && socket.read_buf(&mut request).await.ok()? > 0 {}
    socket.write_all(bytes.as_bytes()).await.ok()?;
    match end {
        End::Hang => return Some(socket),
        End::Reset => socket.set_zero_linger().ok()?,
        End::Close => socket.shutdown().await.ok()?,
    }
    None
}

/// The address of a port that nobody listens at.
///
/// # Panics
/// When there is no free port.
pub async fn dead_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    format!("http://{}", listener.local_addr().expect("a bound listener has an address"))
}
