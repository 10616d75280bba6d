//! Runs the programs of profiles that write credentials: within a time, without a shell, and what they say of
//! themselves is nobody's to read.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use llm_core::BoxFuture;
use llm_providers::Programs;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// How long a program may take. It may ask other services.
const DEADLINE: Duration = Duration::from_secs(60);

/// The most that is read of what it writes.
const MOST: u64 = 64 * 1024;

/// The hands that providers run programs with.
pub(crate) fn runner() -> Programs {
    Programs::new(|words| -> BoxFuture<'static, io::Result<Vec<u8>>> { Box::pin(run(words)) })
}

async fn run(words: Vec<String>) -> io::Result<Vec<u8>> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
    let done = async {
        let mut written = Vec::new();
        output.take(MOST).read_to_end(&mut written).await?;
        let ended = child.wait().await?;
        if ended.success() { Ok(written) } else { Err(io::Error::other("it failed")) }
    };
    tokio::time::timeout(DEADLINE, done).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test]
    async fn what_a_program_writes_is_read_and_a_failure_is_one() {
        let written = run(words(&["printf", "%s", "$HOME; a b"])).await.expect("it runs");
        assert_eq!(written, b"$HOME; a b", "no shell reads it");
        assert!(run(words(&["false"])).await.is_err());
        let missing = run(words(&["/no/such/program"])).await.expect_err("it is not there");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(run(Vec::new()).await.is_err());
    }
}
