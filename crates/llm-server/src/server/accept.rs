//! Accepting connections and handing them to the workers.
//!
//! At the end what the kernel has taken for us is taken from it: a listener that closes resets connections that wait in
//! it, whose clients have been told that they stand.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::Phase;
use crate::server::worker::Door;

/// The first wait after the system had nothing left for another connection; doubled up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// Accepts until the server drains; the listener is closed then.
pub(crate) async fn accept(listener: TcpListener, doors: Vec<Door>, mut phase: watch::Receiver<Phase>) {
    let mut turn = 0;
    let mut pause = FIRST;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error means that the server was dropped.
            changed = phase.changed() => {
                if changed.is_ok() && *phase.borrow() == Phase::Closing {
                    break;
                }
                return;
            }
        };
        let handed_over = match accepted {
            Ok((socket, _)) => hand_over(socket, &doors, turn).await,
            Err(error) => Err(error),
        };
        match handed_over {
            Ok(()) => {
                turn += 1;
                pause = FIRST;
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, retry_in = ?pause, "cannot accept connections");
                // Out of descriptors or memory: the connection still waits, and asking again at once would spin.
                tokio::select! {
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST),
                    _ = phase.changed() => break,
                }
            }
        }
    }
    if let Err(error) = take_the_waiting(listener, &doors, turn).await {
        tracing::warn!(%error, "connections that waited to be accepted are lost");
    }
}

/// Hands over all connections that stand and were not accepted yet, then closes the listener.
async fn take_the_waiting(listener: TcpListener, doors: &[Door], mut turn: usize) -> io::Result<()> {
    // The runtime asks for what it was told of; the kernel knows of more.
    let listener = listener.into_std()?;
    while let Ok((socket, _)) = listener.accept() {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        if let Some(door) = choose(doors, turn) {
            door.admit(socket).await;
        }
        turn += 1;
    }
    Ok(())
}

/// How many connections stay together before the next worker is woken for more. A worker that serves several at each
/// wake-up spends less on waking: sixteen paced streams, or eight busy connections, cost a fifth less CPU on one of two
/// workers than spread over both.
const TOGETHER: usize = 16;

/// The worker for a new connection: the first one with room among its [`TOGETHER`]; then the one with the fewest, in
/// turn where several have as few.
fn choose(doors: &[Door], turn: usize) -> Option<&Door> {
    if let Some(door) = doors.iter().find(|door| door.open() < TOGETHER) {
        return Some(door);
    }
    let (later, first) = doors.split_at(turn % doors.len().max(1));
    first.iter().chain(later).min_by_key(|door| door.open())
}

/// Gives a socket to its worker.
async fn hand_over(socket: TcpStream, doors: &[Door], turn: usize) -> io::Result<()> {
    // Answers and stream chunks are written whole: waiting for more to send would cost up to 40 ms.
    socket.set_nodelay(true)?;
    let socket = socket.into_std()?;
    if let Some(door) = choose(doors, turn) {
        door.admit(socket).await;
    }
    Ok(())
}

/// Whether only the connection is lost: the client gave up before we looked.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotConnected
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn few_sockets_stay_together_and_many_are_spread_evenly() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (left, mut to_left) = Door::new();
        let (right, mut to_right) = Door::new();
        let doors = [left, right];
        let mut clients = Vec::new();
        for turn in 0..2 * TOGETHER + 6 {
            let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            clients.push(client);
            hand_over(accepted.expect("accepted").0, &doors, turn).await.expect("alive");
            if turn + 1 == TOGETHER {
                assert_eq!(doors.each_ref().map(Door::open), [TOGETHER, 0]);
            }
        }
        assert_eq!(doors.map(|door| door.open()), [TOGETHER + 3, TOGETHER + 3]);
        for worker in [&mut to_left, &mut to_right] {
            let socket = worker.recv().await.expect("handed over");
            assert!(socket.nodelay().expect("alive"), "small writes must not wait for acknowledgements");
        }
    }

    #[test]
    fn a_lack_of_descriptors_is_not_one_connections_fault() {
        const EMFILE: i32 = 24;
        assert!(!is_about_one_connection(&io::Error::from_raw_os_error(EMFILE)));
        assert!(is_about_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    }
}
