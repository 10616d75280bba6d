//! Accepting connections and handing them to the workers.
//!
//! At the end what the kernel has taken for us is taken from it: a listener that closes resets connections that wait in
//! it, whose clients have been told that they stand. Where others listen at the same address, the kernel gives this
//! listener new clients until it closes, so those that are only half connected then would be lost: it first turns new
//! ones away without a word, which makes their systems ask again, of whoever listens then.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::Phase;
use crate::server::worker::Door;

/// The first wait after the system had nothing left for another connection; doubled up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// How long those that are half connected may take to be connected, where others listen at the same address.
const HALF_CONNECTED: Duration = Duration::from_millis(100);

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
    if shares(&listener) {
        match turn_away(&listener) {
            Ok(()) => tokio::time::sleep(HALF_CONNECTED).await,
            Err(error) => tracing::warn!(%error, "connections that are made just now may be lost"),
        }
    }
    if let Err(error) = take_the_waiting(listener, &doors, turn).await {
        tracing::warn!(%error, "connections that waited to be accepted are lost");
    }
}

/// Whether others may listen at the same address.
#[cfg(target_os = "linux")]
fn shares(listener: &TcpListener) -> bool {
    SockRef::from(listener).reuse_port().unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn shares(_listener: &TcpListener) -> bool {
    false
}

/// Lets the kernel drop the first packet of every new connection, so that its system sends it again a second later.
#[cfg(target_os = "linux")]
fn turn_away(listener: &TcpListener) -> io::Result<()> {
    use socket2::SockFilter;
    // The byte of a TCP header with its flags; a packet with SYN and without ACK is the first one.
    const FLAGS: u32 = 13;
    const SYN_AND_ACK: u32 = 0x12;
    const SYN: u32 = 0x02;
    // The operations of the classic packet filter, as the kernel's filter.rst lists them.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN_AND_ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(not(target_os = "linux"))]
fn turn_away(_listener: &TcpListener) -> io::Result<()> {
    Ok(())
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_is_turned_away_is_not_refused_and_reaches_a_successor() {
        let listen = |address: std::net::SocketAddr| {
            let listener = crate::listen_with_others(address).expect("shared");
            SockRef::from(&listener).listen(16).expect("bound");
            TcpListener::from_std(listener).expect("a runtime")
        };
        let first = listen(([127, 0, 0, 1], 0).into());
        let address = first.local_addr().expect("bound");
        assert!(shares(&first));
        let _stands = TcpStream::connect(address).await.expect("taken");
        turn_away(&first).expect("a filter");
        let mut late = tokio::spawn(TcpStream::connect(address));
        assert!(tokio::time::timeout(HALF_CONNECTED, &mut late).await.is_err(), "no answer at all");
        let second = listen(address);
        first.accept().await.expect("who stood before is still there");
        drop(first);
        let (taken, late) = tokio::join!(second.accept(), late);
        late.expect("no panic").expect("connected at the second try");
        taken.expect("by the successor");
    }

    #[test]
    fn a_lack_of_descriptors_is_not_one_connections_fault() {
        const EMFILE: i32 = 24;
        assert!(!is_about_one_connection(&io::Error::from_raw_os_error(EMFILE)));
        assert!(is_about_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    }
}
