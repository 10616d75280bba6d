//! The server over real sockets on this machine, in front of a vendor that does what its model is called.

#[cfg(unix)]
mod alerts;
mod bodies;
#[cfg(unix)]
mod callbacks;
mod client;
mod connections;
mod draining;
mod embedding;
#[cfg(unix)]
mod faults;
mod fixture;
#[cfg(unix)]
mod hooks;
#[cfg(unix)]
mod listener;
mod management;
#[cfg(unix)]
mod models;
#[cfg(unix)]
mod money;
#[cfg(unix)]
mod nodes;
mod pages;
#[cfg(unix)]
mod program;
mod relay;
mod routes;
mod streams;
#[cfg(unix)]
mod tokens;
mod vendor;
