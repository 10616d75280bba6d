//! The server: a listener, one worker thread per core, and an orderly end.
//!
//! One thread accepts and hands each socket to a worker, where it stays: a request is served on one core by one task
//! from its first byte to its last. A few connections stay together on one worker, more are spread evenly (see
//! `accept.rs` for the measurement). The kernel could spread connections itself
//! (`SO_REUSEPORT`), but it does so by a hash: of the few connections that a pooling client keeps, all may land on one
//! core. It would also let a second server start on the same port without a word, which is why only
//! [`listen_with_others`] does it: for a successor that takes over while its predecessor drains.

mod accept;
mod connection;
pub(crate) mod pulse;
mod watched;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use llm_config::DatabaseLink;
use llm_gateway::Gateway;
use llm_management::Management;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::sync::{oneshot, watch};

use crate::app::App;
use crate::dashboard::Dashboard;
use crate::limits::Limits;
use crate::openapi::Docs;
use crate::origins::Origins;
use crate::server::connection::Cold;
use crate::tls::Certificate;
use worker::{Door, Worker};

/// Connections that the kernel holds for us while we are busy.
const BACKLOG: i32 = 4096;

/// How a server runs.
#[derive(Clone, Default)]
pub struct Options {
    /// Worker threads; `None`: one per core that we may use.
    pub workers: Option<NonZeroUsize>,
    /// What clients may send.
    pub limits: Limits,
    /// Which web pages may call.
    pub origins: Origins,
    /// Answers of the mock vendor break on the wire where it says so: for a server that is a vendor for tests.
    pub wire_faults: bool,
    /// Proxies of the operator's that stand between clients and the server: so many entries at the end of
    /// `x-forwarded-for` are theirs. 0: the header is not looked at.
    pub proxies: usize,
    /// What is shown to clients: connections are encrypted with it, and no others are taken. `None`: none is.
    pub certificate: Option<Certificate>,
    /// The management API; `None`: its routes say that there is no store.
    pub management: Option<Arc<Management>>,
    /// The database that is told of by readiness; `None`: there is none.
    pub database: Option<Arc<DatabaseLink>>,
    /// Which pages about the API are served.
    pub docs: Docs,
    /// The dashboard at `/ui`; `None`: there is none, as in a build without the feature `dashboard`.
    pub dashboard: Option<Dashboard>,
}

/// How far a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// What waits to be accepted is accepted, then nothing more.
    Closing,
    /// No new connections; those that are open end their request.
    Draining,
    /// Whatever is still open is dropped.
    Stopped,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at the deadline and were cut.
    pub cut: usize,
}

/// A socket that listens at an address.
///
/// # Errors
/// When the address is in use, or is not one of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    listener(address, false)
}

/// A socket at an address beside others that were made by this, in other processes of the same user: a successor takes
/// connections before its predecessor stops to. It listens when a server starts with it and not before, since the kernel
/// spreads clients over all who listen, whether they can serve already or not.
///
/// # Errors
/// As [`listen`], when the one who listens there does not share, and on systems where addresses cannot be shared.
pub fn listen_with_others(address: SocketAddr) -> io::Result<TcpListener> {
    listener(address, true)
}

fn listener(address: SocketAddr, with_others: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if with_others {
        share(&socket)?;
    }
    // A restart must not wait for connections of the former life to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    if !with_others {
        socket.listen(BACKLOG)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(target_os = "linux")]
fn share(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(target_os = "linux"))]
fn share(_socket: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system does not spread connections over processes"))
}

/// A gateway's server, before it runs.
pub struct Server {
    gateway: Arc<Gateway>,
    options: Options,
}

impl Server {
    /// A server of a gateway.
    pub fn new(gateway: Arc<Gateway>, options: Options) -> Self {
        Self { gateway, options }
    }

    /// Starts the threads. From the return on, requests are answered.
    ///
    /// # Errors
    /// When the system has no threads or descriptors left.
    pub fn start(self, listener: TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let mut app = App::new(self.gateway, self.options.limits);
        app.wire_faults = self.options.wire_faults;
        app.proxies = self.options.proxies;
        app.database = self.options.database;
        app.certificate = self.options.certificate;
        app.management = self.options.management;
        app.docs = self.options.docs;
        #[cfg(feature = "dashboard")]
        {
            app.ui = self.options.dashboard.map(|settings| Arc::new(crate::ui::Ui::new(settings)));
        }
        let origins = Arc::new(self.options.origins);
        let cold = Arc::new(Cold::new(app.copy()));
        let (phase, _) = watch::channel(Phase::Serving);
        let mut running =
            Running { address, app, phase, threads: vec![], doors: vec![], ended: vec![], accepting: None };
        let count = self.options.workers.or_else(|| thread::available_parallelism().ok());
        for number in 0..count.map_or(1, NonZeroUsize::get) {
            running.start_worker(number, (Arc::clone(&origins), Arc::clone(&cold)))?;
        }
        running.start_accepting(listener)?;
        Ok(running)
    }
}

/// A server that runs. Dropping it cuts everything that is still open.
pub struct Running {
    address: SocketAddr,
    app: App,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
    doors: Vec<Door>,
    ended: Vec<oneshot::Receiver<()>>,
    /// Ends with the acceptor.
    accepting: Option<oneshot::Receiver<()>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.doors.iter().map(Door::open).sum()
    }

    /// From now on readiness answers 503, so that load balancers look elsewhere. Everything else goes on.
    pub fn announce_leaving(&self) {
        self.app.leave();
    }

    /// Takes no more connections, and waits until the requests and streams that are open have ended, or until the
    /// deadline. Dropping the future cuts what is open.
    pub async fn drain(mut self, deadline: Duration) -> Drained {
        self.announce_leaving();
        self.phase.send_replace(Phase::Closing);
        if let Some(accepting) = self.accepting.take() {
            // It hands over what waits, and does not wait itself but for a worker to take it.
            let _ = tokio::time::timeout(deadline, accepting).await;
        }
        self.phase.send_replace(Phase::Draining);
        let ended = std::mem::take(&mut self.ended);
        let all = async {
            for worker in ended {
                // An error means that the worker is gone, which is what we wait for.
                let _ = worker.await;
            }
        };
        let cut = match tokio::time::timeout(deadline, all).await {
            Ok(()) => 0,
            Err(_) => self.connections(),
        };
        Drained { cut }
    }

    fn start_worker(&mut self, number: usize, shared: (Arc<Origins>, Arc<Cold>)) -> io::Result<()> {
        let (door, sockets) = Door::new();
        let (ended, end) = oneshot::channel();
        let worker = Worker::new(self.app.copy(), shared, &door);
        let (phase, runtime) = (self.phase.subscribe(), runtime()?);
        let work = move || {
            runtime.block_on(worker.run(sockets, phase));
            // A name look-up that hangs must not hold us up.
            runtime.shutdown_background();
            let _ = ended.send(());
        };
        self.threads.push(thread::Builder::new().name(format!("worker-{number}")).spawn(work)?);
        self.doors.push(door);
        self.ended.push(end);
        Ok(())
    }

    fn start_accepting(&mut self, listener: TcpListener) -> io::Result<()> {
        let (phase, doors, runtime) = (self.phase.subscribe(), self.doors.clone(), runtime()?);
        let listener = {
            let _inside = runtime.enter();
            listener.set_nonblocking(true)?;
            SockRef::from(&listener).listen(BACKLOG)?;
            tokio::net::TcpListener::from_std(listener)?
        };
        let (ended, end) = oneshot::channel();
        self.accepting = Some(end);
        let work = move || {
            runtime.block_on(accept::accept(listener, doors, phase));
            let _ = ended.send(());
        };
        self.threads.push(thread::Builder::new().name("acceptor".to_owned()).spawn(work)?);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        for thread in self.threads.drain(..) {
            // A panic of a thread was logged where it happened.
            let _ = thread.join();
        }
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
