//! Threads that work behind calls: where both want a core, those go first that serve calls.

/// How much less a thread gets of a core that others want, too: a third of what one gets that serves calls (`nice(2)`). That
/// is more than the share of a call's work that is done behind it, so that what waits does not grow without end where
/// every core is busy.
#[cfg(target_os = "linux")]
const LESS: i32 = 5;

/// The thread that calls this works behind calls from now on.
///
/// Linux counts this for each thread; elsewhere it is left out, since it would be said of the whole process.
pub(crate) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(LESS) {
        tracing::debug!(%error, "a thread behind calls is as important as those that serve them");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_thread_that_steps_back_is_nicer_than_others() {
        let nice = || rustix::process::getpriority_process(None).expect("it is known");
        let before = nice();
        let behind = std::thread::spawn(move || {
            step_back();
            nice()
        });
        assert_eq!(behind.join().expect("it ended"), (before + LESS).min(19));
        assert_eq!(nice(), before);
    }
}
