//! Log lines on their way out: requests put them into memory, one thread writes them.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long lines gather before they are written.
const GATHER: Duration = Duration::from_millis(10);
/// The most bytes that wait; lines beyond are counted and forgotten, because a log that nobody takes must not
/// fill the memory.
const FULL: usize = 8 << 20;
/// Memory that is kept for the next lines.
const KEPT: usize = 256 << 10;

/// Lines that wait to be written. Putting one in is a short lock and a copy; the writer is woken only by the first
/// line after a rest, never under load.
#[derive(Default)]
pub(crate) struct Buffer {
    state: Mutex<State>,
    /// For the writer: there is something to do.
    work: Condvar,
    /// For those who wait for the writer.
    written: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    dropped: u64,
    /// The writer sleeps until a line comes.
    resting: bool,
    /// The writer has lines in its hands.
    writing: bool,
    /// Somebody waits: don't gather.
    hurry: bool,
    stopped: bool,
}

impl Write for &Buffer {
    /// Takes whole lines: one call, one event.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        if state.lines.len() + line.len() > FULL {
            state.dropped += 1;
        } else {
            state.lines.extend_from_slice(line);
        }
        let rested = std::mem::take(&mut state.resting);
        drop(state);
        if rested {
            self.work.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    /// Waits until everything is written, or the output does not take it in time.
    pub(crate) fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut state = self.state.lock();
        while !state.lines.is_empty() || state.writing {
            state.hurry = true;
            self.work.notify_one();
            if self.written.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }

    /// Writes what is there and ends the writer.
    pub(crate) fn stop(&self, patience: Duration) {
        self.state.lock().stopped = true;
        self.work.notify_one();
        self.flush(patience);
    }

    /// Waits for lines and takes them; `None` at the end.
    fn take(&self, batch: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.state.lock();
        while state.lines.is_empty() {
            if state.stopped {
                return None;
            }
            state.resting = true;
            self.work.wait(&mut state);
        }
        state.resting = false;
        let waiting = |state: &mut State| !state.hurry && !state.stopped;
        self.work.wait_while_for(&mut state, waiting, GATHER);
        state.writing = true;
        state.hurry = false;
        std::mem::swap(&mut state.lines, batch);
        Some(std::mem::take(&mut state.dropped))
    }

    fn done(&self) {
        self.state.lock().writing = false;
        self.written.notify_all();
    }
}

/// Starts the thread that writes. `tell` is told how many lines were dropped, each time that some were.
pub(crate) fn write_behind(
    buffer: Arc<Buffer>,
    mut output: impl Write + Send + 'static,
    tell: impl Fn(u64) + Send + 'static,
) -> io::Result<()> {
    let work = move || {
        let mut batch = Vec::new();
        while let Some(dropped) = buffer.take(&mut batch) {
            // An output that is gone cannot be told so; the gateway goes on without a log.
            let _ = output.write_all(&batch).and_then(|()| output.flush());
            if dropped > 0 {
                tell(dropped);
            }
            batch.clear();
            batch.shrink_to(KEPT);
            buffer.done();
        }
    };
    thread::Builder::new().name("log".to_owned()).spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that tells what it gets, and waits for permission first.
    struct Output {
        got: mpsc::SyncSender<Vec<u8>>,
        may: mpsc::Receiver<()>,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.may.recv().map_err(io::Error::other)?;
            self.got.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn started(
        tell: impl Fn(u64) + Send + 'static,
    ) -> (Arc<Buffer>, mpsc::SyncSender<()>, mpsc::Receiver<Vec<u8>>) {
        let (got, receiver) = mpsc::sync_channel(1024);
        let (permit, may) = mpsc::sync_channel(1024);
        let buffer = Arc::new(Buffer::default());
        write_behind(Arc::clone(&buffer), Output { got, may }, tell).expect("a thread");
        (buffer, permit, receiver)
    }

    #[test]
    fn lines_arrive_in_order_and_the_last_ones_before_the_end() {
        let (buffer, permit, got) = started(|_| {});
        for _ in 0..100 {
            permit.send(()).expect("the output is there");
        }
        for number in 0..100 {
            (&*buffer).write_all(format!("{number}\n").as_bytes()).expect("never fails");
        }
        buffer.stop(Duration::from_secs(10));
        let all: Vec<u8> = got.try_iter().flatten().collect();
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8(all).expect("text"), expected);
    }

    #[test]
    fn lines_that_nobody_takes_are_dropped_and_counted() {
        let (tell, told) = mpsc::sync_channel(8);
        let (buffer, permit, got) = started(move |dropped| tell.send(dropped).expect("the test listens"));
        let line = vec![b'x'; 1 << 20];
        (&*buffer).write_all(b"first\n").expect("never fails");
        while !buffer.state.lock().writing {
            thread::yield_now();
        }
        for _ in 0..10 {
            (&*buffer).write_all(&line).expect("never fails");
        }
        for _ in 0..2 {
            permit.send(()).expect("the output is there");
        }
        buffer.stop(Duration::from_secs(10));
        assert_eq!(got.try_iter().map(|piece| piece.len() / line.len()).sum::<usize>(), 8);
        assert_eq!(told.try_iter().sum::<u64>(), 2);
    }

    #[test]
    fn an_output_that_hangs_does_not_hold_up_the_end() {
        let (buffer, _permit, _got) = started(|_| {});
        (&*buffer).write_all(b"line\n").expect("never fails");
        buffer.stop(Duration::from_millis(20));
    }
}
