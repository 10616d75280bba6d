//! The `llm-server` program: reads a configuration, serves what it describes, and ends in good order.

mod banner;
mod cli;
mod configured;
mod descriptors;
mod explain;
mod healthcheck;
mod import;
mod logging;
mod signals;
mod stored;
mod watch;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use llm_config::{Builder, DatabaseLink, Services};
use llm_gateway::Gateway;
use llm_management::Management;
use llm_server::{Certificate, Docs, Options, Origins, Running, Server};

use cli::{Cli, Command, Serve};
use configured::Configured;
use logging::{Log, Look};
use signals::{Asked, Signals};
use stored::Reloading;
use watch::Watch;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why the program cannot go on, in words for its user.
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn main() -> ExitCode {
    // Wrong usage ends here, with code 2.
    let cli = Cli::parse();
    let done = match &cli.command {
        None => serve(&cli.serve),
        Some(Command::Check(source)) => configured::check(source).and_then(|report| print(&report)),
        Some(Command::Explain(asked)) => explain::explain(asked).and_then(|plan| print(&plan)),
        Some(Command::Healthcheck(asked)) => healthcheck::ask(asked).and_then(|said| print(&said)),
        Some(Command::Completions { shell }) => print(&cli::completions(*shell)),
        Some(Command::Import(asked)) => import::import(asked).and_then(|report| print(&report)),
        Some(Command::Mock(listen)) => serve(&Serve::from(listen)),
        Some(Command::Schema) => print(&configured::schema()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &Serve) -> Result<(), Failure> {
    let configured = configured::load(flags)?;
    let _log = start_log(flags, &configured)?;
    descriptors::allow_many();
    let listener = listen(flags, &configured)?;
    let certificate = configured.certificate()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed("start", &error))?.block_on(async {
        let signals = Signals::listen().map_err(|error| failed("listen to signals", &error))?;
        let services = configured.services().await?;
        let models = services.as_ref().and_then(|services| services.models.as_deref());
        let configured = stored::first(configured, models).await;
        if let Some(services) = &services {
            configured.tell(services)?;
        }
        let mut builder = services.as_ref().map_or_else(Builder::default, Services::builder);
        let gateway = Arc::new(Gateway::new(configured.parts_after(&mut builder)?));
        configured.is_served(models);
        let metrics = match &services {
            Some(services) => services.tell_metrics(&gateway).map_err(|error| Failure(error.to_string()))?,
            None => None,
        };
        let management = services.as_ref().map(|services| Arc::clone(&services.management));
        let database = services.as_ref().and_then(|services| services.database.clone());
        let door = (listener, certificate.clone());
        let server = start(flags, &configured, (Arc::clone(&gateway), management, database), door)?;
        announce(flags, &configured, server.address());
        let reloading = Reloading {
            flags,
            gateway: &gateway,
            services: services.as_ref(),
            models,
            builder,
            configured,
            certificate,
        };
        let live = live(reloading, server, signals);
        let checks = gateway.check_deployments();
        let tidying = async {
            match &services {
                Some(services) => services.tidy().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = live => {}
            () = async { tokio::join!(checks, tidying, gateway.remember()); } => {}
        }
        // The last of them are told, then what waits in the journal is booked.
        drop(metrics);
        if let Some(services) = services {
            services.close().await;
        }
        tracing::info!("ended");
        Ok(())
    })
}

/// Serves until the program is asked to end, and until what was open then has ended.
async fn live(mut reloading: Reloading<'_>, server: Running, mut signals: Signals) {
    let (flags, drain_timeout) = (reloading.flags, reloading.configured.drain_timeout);
    let mut watch = Watch::of(reloading.configured.files(flags));
    loop {
        let why = tokio::select! {
            asked = signals.next() => match asked {
                Asked::End => break,
                Asked::Reload => "asked to",
            },
            () = watch.changed() => "a file changed",
            asked = stored::asked(reloading.models) => {
                reloading.stored(asked).await;
                continue;
            }
        };
        if let Some(files) = reloading.reload(why) {
            watch = Watch::of(files);
        }
    }
    if let Some(models) = reloading.models {
        models.close();
    }
    let open = server.connections();
    tracing::info!(open, deadline = ?drain_timeout, "draining: a second signal ends at once");
    let drain = async {
        server.announce_leaving();
        tokio::time::sleep(flags.drain_delay).await;
        server.drain(drain_timeout).await
    };
    tokio::select! {
        drained = drain => {
            if drained.cut > 0 {
                tracing::warn!(cut = drained.cut, "connections were still busy at the deadline");
            }
        }
        () = signals.end() => tracing::warn!("ending at once"),
    }
}

fn start_log(flags: &Serve, configured: &Configured) -> Result<Log, Failure> {
    let wanted = std::env::var("RUST_LOG").ok();
    logging::start(look(flags, configured), flags.debug || configured.verbose, wanted.as_deref())
        .map_err(|error| failed("start the log", &error))
}

fn look(flags: &Serve, configured: &Configured) -> Look {
    let terminal = io::stdout().is_terminal();
    let json = flags.json_logs || configured.json_logs.unwrap_or(!terminal);
    if json {
        Look::Json
    } else {
        Look::Pretty { colours: terminal && std::env::var_os("NO_COLOR").is_none() }
    }
}

fn announce(flags: &Serve, configured: &Configured, address: SocketAddr) {
    match look(flags, configured) {
        Look::Pretty { colours } => banner::show(configured, address, colours),
        Look::Json => banner::log(configured, address),
    }
}

fn listen(flags: &Serve, configured: &Configured) -> Result<TcpListener, Failure> {
    let address = address(configured)?;
    let listen = if flags.reuse_port { llm_server::listen_with_others } else { llm_server::listen };
    listen(address).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => "another program listens there: stop it, or choose another --port",
            io::ErrorKind::AddrNotAvailable => "it is no address of this machine: choose another --host",
            io::ErrorKind::PermissionDenied => "ports below 1024 need privileges: choose another --port",
            _ => "choose another --host or --port",
        };
        Failure(format!("cannot listen on {address}: {error}\n  help: {remedy}"))
    })
}

/// Where to listen: without a master key only this machine may call, unless the host was named.
fn address(configured: &Configured) -> Result<SocketAddr, Failure> {
    let port = configured.port;
    let Some(host) = &configured.host else {
        let host = if configured.has_key { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        return Ok((host, port).into());
    };
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok((address, port).into());
    }
    let unknown =
        |why: String| Failure(format!("cannot listen on `{host}`: {why}\n  help: choose another --host"));
    let mut found = (host.as_str(), port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    found.next().ok_or_else(|| unknown("the name has no address".to_owned()))
}

fn start(
    flags: &Serve,
    configured: &Configured,
    (gateway, management, database): (Arc<Gateway>, Option<Arc<Management>>, Option<Arc<DatabaseLink>>),
    (listener, certificate): (TcpListener, Option<Certificate>),
) -> Result<Running, Failure> {
    let origins = if configured.has_key { Origins::Any } else { Origins::Local };
    let (workers, limits, wire_faults) = (flags.workers, configured.limits.clone(), flags.mock);
    let proxies = configured.proxies;
    let docs = Docs::of_variables(|name| std::env::var(name).ok());
    let dashboard = configured.dashboard.clone();
    let options = Options {
        workers,
        limits,
        origins,
        wire_faults,
        proxies,
        certificate,
        management,
        database,
        docs,
        dashboard,
    };
    Server::new(gateway, options).start(listener).map_err(|error| failed("start", &error))
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| failed("print", &error))
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure(format!("error: cannot {what}: {error}"))
}
