//! Starting, watching and stopping a server process.
//!
//! Never here: which server it is and what it is told.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::STOPPED_WITHIN;

const POLL_EVERY: Duration = Duration::from_millis(20);
/// A server's log is its owner's to read.
const LOG_MODE: u32 = 0o600;
const LOG_TAIL_LINES: usize = 20;

/// One server process, stopped when dropped.
pub(super) struct Daemon {
    name: &'static str,
    child: Child,
    stop_signal: &'static str,
    log: PathBuf,
}

impl Daemon {
    /// Starts a server. Its output goes to `log`; the log of the run before is kept beside it.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        stop_signal: &'static str,
        log: PathBuf,
    ) -> Result<Self> {
        if log.exists() {
            let before = log.with_extension("log.before");
            fs::rename(&log, &before)?;
            fs::set_permissions(&before, Permissions::from_mode(LOG_MODE))?;
        }
        let output = OpenOptions::new().write(true).create_new(true).mode(LOG_MODE).open(&log);
        let output = output.with_context(|| format!("creating {}", log.display()))?;
        command.stdout(output.try_clone()?).stderr(output);
        let child = spawn(command).with_context(|| format!("starting {name}"))?;
        Ok(Self { name, child, stop_signal, log })
    }

    /// Checks that it still runs; an error when it has ended by itself.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended with {status}"),
        }
    }

    pub(super) fn complaint(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        format!("{} did not start; the end of {}:\n{tail}\n", self.name, self.log.display())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            signal(self.child.id(), self.stop_signal);
        }
        if wait_until(STOPPED_WITHIN, || Ok(self.child.try_wait()?.is_some())).is_err() {
            tracing::warn!("{} does not stop and is killed", self.name);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The kernel's death signal follows the thread that started a process, so one thread that never ends starts
/// them all.
fn spawn(command: Command) -> Result<Child> {
    type Job = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in jobs {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, child) = mpsc::channel();
    spawner.send((command, answer))?;
    Ok(child.recv()??)
}

/// Runs a short command to its end; an error carries what it wrote.
pub(super) fn run(mut command: Command, input: &str) -> Result<()> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let mut child = spawn(command)?;
    child.stdin.take().context("the pipe was asked for")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{shown}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Polls, as neither the kernel nor the servers have an event for "ready" that all of them share.
pub(super) fn wait_until(limit: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !done()? {
        ensure!(started.elapsed() < limit, "waited {} seconds in vain", limit.as_secs());
        thread::sleep(POLL_EVERY);
    }
    Ok(())
}

/// A shell's built-in `kill`, as the program of that name is not on every machine.
pub(super) fn signal(pid: u32, name: &str) {
    let _ =
        Command::new("sh").args(["-c", r#"kill -s "$0" "$1" 2>/dev/null"#, name, &pid.to_string()]).status();
}

/// The database servers at work in a folder: each makes its own data folder its working directory.
pub(super) fn processes_in(folder: &Path) -> Vec<u32> {
    let is_server = |process: &Path| {
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        ["postgres", "redis-server"].contains(&name.trim())
            && fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder)
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|entry| is_server(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
