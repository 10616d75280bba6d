//! A machine that runs out of something, or whose clock is put right.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::{sleep, timeout};

use super::Seen;
use super::stage::{GOOD, Setup, Stage, is_served, recovers};
use crate::client::{Client, request};
use crate::gateway::{Gateway, MASTER, chat};

/// Without a free descriptor new connections wait; nothing spins, and with the first free one all goes on.
pub(crate) async fn no_descriptors(stage: &Stage) -> Result<Seen> {
    const LIMIT: usize = 80;
    let shell = format!("ulimit -n {LIMIT}; exec");
    let gateway = stage.gateway(Setup { shell: &shell, ..Setup::default() }).await?;
    is_served(&gateway).await?;
    let mut clients = Vec::new();
    for _ in 0..2 * LIMIT {
        clients.push(Client::connect(gateway.address).await?);
    }
    // The last of them waits in the kernel for a descriptor.
    let before = gateway.readings()?.cpu;
    sleep(Duration::from_secs(2)).await;
    let busy = gateway.readings()?.cpu.saturating_sub(before) / 1_000;
    drop(clients);
    let back = recovers(&gateway, Duration::from_secs(10)).await?;
    ensure!(busy < 500, "{busy} ms of CPU in 2 s of waiting");
    Ok(Seen::Held(format!("{busy} ms of CPU in 2 s without any, served {back:.1?} after the first was free")))
}

/// On a full disk calls are refused, as no row of theirs could be kept; with room again they are served.
pub(crate) async fn disk_full(stage: &Stage) -> Result<Seen> {
    let data = stage.folder.join("data");
    std::fs::create_dir_all(&data)?;
    let Some(disk) = Disk::mount(&data) else {
        return Ok(Seen::LeftOut("a small disk may not be mounted here; see `file-limit`".to_owned()));
    };
    let gateway = stage.gateway(Setup::default()).await?;
    is_served(&gateway).await?;
    let filler = disk.fill()?;
    let (served, refused) = until_refused(&gateway).await?;
    let refused = refused.context("nothing was refused")?;
    std::fs::remove_file(filler)?;
    let back = recovers(&gateway, Duration::from_secs(15)).await?;
    // The row of the call that was under way when the disk became full was held, and comes now: with those of the first
    // call and of the one that was served again, one for each answer.
    let rows = rows_come(&gateway, served + 2).await?;
    drop(gateway);
    Ok(Seen::Held(format!(
        "{served} more served, then {refused}; served {back:.1?} after there was room, {rows} rows"
    )))
}

/// The same where the system does not let a file grow.
pub(crate) async fn file_limit(stage: &Stage) -> Result<Seen> {
    // Blocks of 512 bytes. The signal that tells of it would end the program.
    let setup = Setup { shell: "trap '' XFSZ; ulimit -f 3000; exec", ..Setup::default() };
    let mut gateway = stage.gateway(setup).await?;
    is_served(&gateway).await?;
    let (served, refused) = until_refused(&gateway).await?;
    ensure!(gateway.lives(), "the gateway ended: {}", gateway.last_words());
    let refused = refused.unwrap_or_else(|| "none refused: rows found room in the journal".to_owned());
    Ok(Seen::Held(format!("{served} served, then {refused}; the gateway lives")))
}

/// Calls for a while, or until some are refused one after the other; how many were served, and the refusal.
async fn until_refused(gateway: &Gateway) -> Result<(u64, Option<String>)> {
    const LASTS: Duration = Duration::from_secs(8);
    let begun = Instant::now();
    let (mut served, mut refused) = (0, 0);
    let ask = request("POST", "/v1/chat/completions", MASTER, &chat(GOOD, false));
    let mut client = Client::connect(gateway.address).await?;
    while begun.elapsed() < LASTS {
        let answer = timeout(Duration::from_secs(10), client.ask(&ask)).await.context("a call hangs")??;
        if answer.status() == 200 {
            served += 1;
            continue;
        }
        ensure!(answer.status() >= 500 || answer.status() == 429, "refused with {}", answer.status());
        refused += 1;
        if refused == 20 {
            let error =
                answer.json().map_or_else(|_| answer.text(), |json| json["error"]["message"].to_string());
            return Ok((served, Some(format!("{} {error}", answer.status()))));
        }
        if answer.head.header("connection") == Some("close") {
            client = Client::connect(gateway.address).await?;
        }
    }
    Ok((served, None))
}

/// Waits until at least so many rows are in the ledger.
async fn rows_come(gateway: &Gateway, count: u64) -> Result<u64> {
    for _ in 0..100 {
        let page = gateway.look("/spend/logs/v2?page_size=1").await?;
        let rows = page["total"].as_u64().unwrap_or(0);
        if rows >= count {
            return Ok(rows);
        }
        sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("less than {count} rows for {count} answers")
}

/// A disk of a few megabytes; let go of with this.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs"]).arg(at);
        mount.stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Writes until there is no room; the file that takes it.
    fn fill(&self) -> Result<PathBuf> {
        use std::io::Write as _;
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path)?;
        while file.write_all(&[7; 4096]).is_ok() {}
        Ok(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, as the gateway may still be ending.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A clock that jumps a day ahead and back again: calls are served, and no deadline is taken for passed.
pub(crate) async fn clock_jump(stage: &Stage) -> Result<Seen> {
    let libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
    let library = libraries.map(|folder| format!("{folder}/faketime/libfaketime.so.1"));
    let Some(library) = library.iter().find(|library| Path::new(library).exists()) else {
        return Ok(Seen::LeftOut("the package `faketime` is not installed".to_owned()));
    };
    let clock = stage.folder.join("clock");
    std::fs::write(&clock, "+0")?;
    let shell = format!(
        "export LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1; exec",
        clock.display()
    );
    let gateway = stage.gateway(Setup { shell: &shell, ..Setup::default() }).await?;
    let key = gateway
        .key("clock", serde_json::json!({"rpm_limit": 1_000, "max_budget": 1, "budget_duration": "30d"}))
        .await?;
    let mut slowest = Duration::ZERO;
    for jump in ["+0", "+1d", "+0", "-1d", "+0"] {
        std::fs::write(&clock, jump)?;
        for _ in 0..5 {
            slowest = slowest.max(is_served(&gateway).await?);
            let answer = gateway.ask(&key, "/v1/chat/completions", &chat(GOOD, false)).await?;
            ensure!(answer.status() == 200, "at {jump}: {}: {}", answer.status(), answer.text());
        }
    }
    Ok(Seen::Held(format!("a day ahead, back, a day behind, back: all served, the slowest in {slowest:.0?}")))
}
