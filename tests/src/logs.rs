//! Everything that the gateways of this process log.

use std::io;
use std::sync::Once;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps what is logged from now on: all of ours, and of others what operators see by default. Left out is the one
/// target that operators turn on to read what vendors say of requests.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new("info,llm=trace,llm_gateway::quoted=off");
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(filter)
            .with_writer(|| Writer)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else captures logs");
    });
}

/// The lines so far that contain a text.
pub fn lines_with(text: &str) -> Vec<String> {
    let lines = LINES.lock();
    String::from_utf8_lossy(&lines).lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
