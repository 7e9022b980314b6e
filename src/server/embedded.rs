//! A private PostgreSQL and Redis, started for `profcards up` and for the tests.
//!
//! Here live: finding the servers' programs, the folders they may use, starting, waiting for and stopping them.
//! Never here: SQL, migrations, anything about what is stored, and the machine's own database servers. Both servers
//! listen on unix sockets alone, in a folder that nobody else may enter, so no port and no password is taken.

mod dirs;
mod process;

use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::base::db::LOG_WITHOUT_ROWS;
use dirs::{InstanceDirs, SocketDir, random_name};
use process::{Daemon, processes_in, run, signal, wait_until};

const OLDEST_POSTGRES: u32 = 15;
const OLDEST_REDIS: u32 = 7;
/// The settings of a PostgreSQL that nobody else reaches.
const PRIVATE: [&str; 4] =
    ["listen_addresses=", "unix_socket_permissions=0700", "max_connections=250", "logging_collector=off"];
const READY_WITHIN: Duration = Duration::from_mins(1);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// A running PostgreSQL and Redis. Dropping it stops what it started.
pub struct Services {
    /// The address of the database, for `sqlx` and for `psql`; it exists, and the user may create others.
    pub database_url: String,
    /// The address of Redis, for the `redis` crate.
    pub redis_url: String,
    /// The servers; none when another process of the same instance runs them.
    _running: Option<Running>,
}

/// The running servers, which are dropped in this order: the lock goes last.
struct Running {
    _redis: Daemon,
    _postgres: Daemon,
    _sockets: SocketDir,
    _lock: File,
}

impl Services {
    /// Starts both on the data kept in `data_dir`; an error when another process does so already.
    pub fn start(data_dir: &Path) -> Result<Self> {
        Self::start_with(&InstanceDirs::of(data_dir)?, &[])
    }

    /// Uses what runs on `data_dir`, or starts it: for commands beside a running server.
    pub fn join_or_start(data_dir: &Path) -> Result<Self> {
        let dirs = InstanceDirs::of(data_dir)?;
        if dirs.lock()?.is_err() {
            dirs.wait_for_postgres(|| Ok(()))?;
            return Ok(Self {
                database_url: dirs.database_url(),
                redis_url: dirs.redis_url(),
                _running: None,
            });
        }
        Self::start_with(&dirs, &[])
    }

    /// Stops both and waits for them; the same as dropping.
    pub fn stop(self) {
        drop(self);
    }

    fn start_with(dirs: &InstanceDirs, postgres_options: &[&str]) -> Result<Self> {
        let lock = match dirs.lock()? {
            Ok(lock) => lock,
            Err(pid) => bail!("{} is in use: process {pid} runs its database", dirs.data_dir.display()),
        };
        dirs.end_leftovers(&["postgres", "redis"])?;
        let sockets = dirs.make_socket_dir()?;
        let postgres = start_postgres(dirs, postgres_options)?;
        let redis = start_redis(dirs)?;
        let running = Running { _redis: redis, _postgres: postgres, _sockets: sockets, _lock: lock };
        Ok(Self { database_url: dirs.database_url(), redis_url: dirs.redis_url(), _running: Some(running) })
    }
}

/// A Redis alone, for tests that stop it and start it again at the same address.
pub struct PrivateRedis {
    /// The address, the same after each start on the same folder.
    pub url: String,
    _daemon: Daemon,
    _sockets: SocketDir,
}

impl PrivateRedis {
    /// Starts it with its data and its log in `folder`, which must be its own.
    pub fn start(folder: &Path) -> Result<Self> {
        let dirs = InstanceDirs::of(folder)?;
        dirs.end_leftovers(&["redis"])?;
        let sockets = dirs.make_socket_dir()?;
        let daemon = start_redis(&dirs)?;
        Ok(Self { url: dirs.redis_url(), _daemon: daemon, _sockets: sockets })
    }
}

/// A PostgreSQL alone, for tests that crash it, restore it or talk to it over a network.
pub struct PrivatePostgres {
    /// The address, the same after each start on the same folder.
    pub url: String,
    /// The folder of its data.
    pub data: PathBuf,
    _daemon: Daemon,
    _sockets: SocketDir,
}

impl PrivatePostgres {
    /// Starts it with its data and its log in `folder`, which must be its own, and with these settings besides.
    pub fn start(folder: &Path, options: &[&str]) -> Result<Self> {
        let dirs = InstanceDirs::of(folder)?;
        dirs.end_leftovers(&["postgres"])?;
        let sockets = dirs.make_socket_dir()?;
        let daemon = start_postgres(&dirs, options)?;
        let data = dirs.home.join("postgres");
        Ok(Self { url: dirs.database_url(), data, _daemon: daemon, _sockets: sockets })
    }

    /// `kill -9` of all its processes at once: whatever is not on the disk is lost.
    pub fn crash(self) -> Result<()> {
        for pid in processes_in(&self.data) {
            signal(pid, "KILL");
        }
        wait_until(STOPPED_WITHIN, || Ok(processes_in(&self.data).is_empty()))
    }
}

/// Runs `command` with `DATABASE_URL` and `REDIS_URL` of throw-away servers and returns its exit code.
pub fn with_services(command: &[String]) -> Result<i32> {
    let (program, arguments) = command.split_first().context("no command was given")?;
    let folder = std::env::temp_dir().join(format!("profcards-{}", random_name()?));
    DirBuilder::new().mode(0o711).create(&folder)?;
    let dirs = InstanceDirs::of(&folder)?;
    // What is thrown away afterwards need not survive a power cut.
    let services =
        Services::start_with(&dirs, &["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    let code = services.and_then(|services| {
        let mut command = Command::new(program);
        command.args(arguments);
        command.env("DATABASE_URL", &services.database_url).env("REDIS_URL", &services.redis_url);
        // The runtime has a thread of its own, as the caller may be inside one already.
        thread::scope(|scope| {
            scope
                .spawn(|| run_to_end(command))
                .join()
                .map_err(|_| anyhow!("waiting for the command failed"))?
        })
    });
    let _ = fs::remove_dir_all(&dirs.home);
    let _ = fs::remove_dir_all(&folder);
    code
}

/// Runs a command to its end. Ctrl-C reaches it from the terminal itself; here it only must not end this process before
/// the clean-up.
fn run_to_end(command: Command) -> Result<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let name = command.get_program().to_owned();
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .with_context(|| format!("starting {}", name.display()))?;
        let status = tokio::select! {
            status = child.wait() => status?,
            _ = terminate.recv() => { child.kill().await?; child.wait().await? }
        };
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    })
}

fn start_postgres(dirs: &InstanceDirs, options: &[&str]) -> Result<Daemon> {
    let data = dirs.home.join("postgres");
    let programs = postgres_programs(&data)?;
    if !data.exists() {
        create_database(dirs, &programs, &data)?;
    }
    let mut command = dirs.command(&programs.join("postgres"), "INT");
    command.arg("-D").arg(&data).arg("-k").arg(&dirs.sockets);
    for option in PRIVATE.iter().chain(options) {
        command.args(["-c", option]);
    }
    for (setting, value) in LOG_WITHOUT_ROWS {
        command.args(["-c", &format!("{setting}={value}")]);
    }
    let mut daemon = Daemon::start("PostgreSQL", command, "INT", dirs.data_dir.join("postgres.log"))?;
    dirs.wait_for_postgres(|| daemon.check()).with_context(|| daemon.complaint())?;
    Ok(daemon)
}

/// Makes the database. It is built beside its folder and moved there when complete, so that a half-made one is never
/// taken for a database.
fn create_database(dirs: &InstanceDirs, programs: &Path, data: &Path) -> Result<()> {
    let draft = dirs.home.join("postgres.new");
    if draft.exists() {
        fs::remove_dir_all(&draft)?;
    }
    dirs.make_dir(&draft)?;
    let mut initdb = dirs.command(&programs.join("initdb"), "KILL");
    initdb.arg("-D").arg(&draft).args([
        "--username=profcards",
        "--auth=trust",
        "--encoding=UTF8",
        "--data-checksums",
    ]);
    // Names are sorted as a Russian reader expects; libc's locales for that may not be installed, ICU's always are.
    initdb.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=ru", "--no-instructions"]);
    run(initdb, "")?;
    let mut single_user = dirs.command(&programs.join("postgres"), "KILL");
    single_user.arg("--single").arg("-D").arg(&draft).args(["-c", "exit_on_error=on", "postgres"]);
    run(single_user, "CREATE DATABASE profcards\n")?;
    fs::rename(&draft, data)?;
    Ok(())
}

/// The folder of the newest usable PostgreSQL, or of the version that `data` was made with.
fn postgres_programs(data: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        found.push(entry.path().join("bin"));
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        found.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let mut versions: Vec<(u32, PathBuf)> = found
        .into_iter()
        .filter_map(|bin| Some((version_after(&bin.join("postgres"), "(PostgreSQL) ")?, bin)))
        .filter(|(version, bin)| *version >= OLDEST_POSTGRES && bin.join("initdb").exists())
        .collect();
    versions.sort();
    if let Ok(made_with) = fs::read_to_string(data.join("PG_VERSION")) {
        let matching = versions.into_iter().find(|(version, _)| version.to_string() == made_with.trim());
        let (_, bin) = matching.with_context(|| {
            format!(
                "{} was made with PostgreSQL {}, which is not installed",
                data.display(),
                made_with.trim()
            )
        })?;
        return Ok(bin);
    }
    let (_, bin) =
        versions.pop().with_context(|| format!("PostgreSQL {OLDEST_POSTGRES} or newer is not installed"))?;
    Ok(bin)
}

/// Starts a cache without a disk copy: everything that must last is in PostgreSQL.
fn start_redis(dirs: &InstanceDirs) -> Result<Daemon> {
    let program = Path::new("redis-server");
    let version = version_after(program, "v=").unwrap_or(0);
    ensure!(version >= OLDEST_REDIS, "Redis {OLDEST_REDIS} or newer is not installed");
    let folder = dirs.home.join("redis");
    if !folder.exists() {
        dirs.make_dir(&folder)?;
    }
    let mut command = dirs.command(program, "TERM");
    command.args([
        "--port",
        "0",
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
        "--daemonize",
        "no",
    ]);
    command.args(["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]);
    command.arg("--unixsocket").arg(dirs.redis_socket()).arg("--dir").arg(&folder);
    let mut daemon = Daemon::start("Redis", command, "TERM", dirs.data_dir.join("redis.log"))?;
    wait_until(READY_WITHIN, || daemon.check().map(|()| answers_ping(&dirs.redis_socket())))
        .with_context(|| daemon.complaint())?;
    Ok(daemon)
}

fn answers_ping(socket: &Path) -> bool {
    let mut answer = [0; 5];
    let asked = UnixStream::connect(socket).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        stream.read_exact(&mut answer)
    });
    asked.is_ok() && &answer == b"+PONG"
}

/// The number after `marker` in what `program --version` prints.
fn version_after(program: &Path, marker: &str) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_once(marker)?.1.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests;
