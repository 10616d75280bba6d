//! The number of open sockets that the system lets us have.

/// Raises the soft limit of open files to the hard one. Each request under way holds two sockets, and the usual soft
/// limit of 1,024, made for programs that still use `select`, would end at some five hundred of them.
#[cfg(unix)]
pub(crate) fn allow_many() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, limit = limit.current, "cannot raise the limit of open files");
    }
}

#[cfg(not(unix))]
pub(crate) fn allow_many() {}
