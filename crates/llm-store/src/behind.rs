//! Threads that work behind calls: where both want a core, those go first that serve calls.

/// How much less a thread gets of a core that others want, too: a third of what one gets that serves calls (`nice(2)`). That
/// is more than the share of a call's work that is done behind it, so that what waits does not grow without end where
/// every core is busy.
#[cfg(target_os = "linux")]
const LESS: i32 = 5;

/// The thread that calls this works behind calls from now on.
///
/// Linux counts this for each thread; elsewhere it is left out, since it would be said of the whole process. A thread
/// begins as the one that started it, which may be behind calls itself: so this is counted from the process's first one.
pub(crate) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = less_than_calls() {
        tracing::debug!(%error, "a thread behind calls is as important as those that serve them");
    }
}

#[cfg(target_os = "linux")]
fn less_than_calls() -> rustix::io::Result<()> {
    use rustix::process::{getpid, getpriority_process, setpriority_process};
    setpriority_process(None, getpriority_process(Some(getpid()))? + LESS)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_steps_back_once_whoever_started_it() {
        let nice = || rustix::process::getpriority_process(None).expect("it is known");
        let before = nice();
        let behind = std::thread::spawn(move || {
            step_back();
            let started = std::thread::spawn(move || {
                step_back();
                nice()
            });
            (nice(), started.join().expect("it ended"))
        });
        let expected = (before + LESS).min(19);
        assert_eq!(behind.join().expect("it ended"), (expected, expected));
        assert_eq!(nice(), before);
    }
}
