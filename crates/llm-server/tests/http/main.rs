//! The server over real sockets on this machine, in front of a vendor that does what its model is called.

#[cfg(unix)]
mod alerts;
mod bodies;
mod client;
mod connections;
mod draining;
mod embedding;
#[cfg(unix)]
mod faults;
mod fixture;
mod management;
#[cfg(unix)]
mod money;
mod pages;
#[cfg(unix)]
mod program;
mod relay;
mod routes;
mod streams;
mod vendor;
