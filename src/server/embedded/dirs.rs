//! Where an instance's private servers keep their data and sockets, and as whom they run.
//!
//! Here live folders, their owners and the lock. Never here: what a server is told on its command line.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::process::{processes_in, signal, wait_until};
use super::{READY_WITHIN, STOPPED_WITHIN};
use crate::base::files::effective_uid;

/// The folders of one instance, and the user as whom its servers run.
pub(super) struct InstanceDirs {
    /// The instance's data folder: the servers' logs, which this process opens for them.
    pub(super) data_dir: PathBuf,
    /// The databases: the data folder itself, or, when that is closed to the servers' user, a folder that is not.
    pub(super) home: PathBuf,
    /// A short path, as the address of a unix socket has at most 107 bytes.
    pub(super) sockets: PathBuf,
    /// The servers' user; set when this process is root, as whom PostgreSQL refuses to run.
    user: Option<User>,
}

#[derive(Clone, Copy)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

impl InstanceDirs {
    pub(super) fn of(data_dir: &Path) -> Result<Self> {
        fs::create_dir_all(data_dir).with_context(|| format!("creating {}", data_dir.display()))?;
        let data_dir = data_dir.canonicalize()?;
        let user = if effective_uid()? == 0 { Some(unprivileged_user(&data_dir)?) } else { None };
        let home = match user {
            None => data_dir.clone(),
            Some(user) => home_for(user, &data_dir)?,
        };
        let digest = hex::encode(Sha256::digest(home.as_os_str().as_encoded_bytes()));
        let sockets = PathBuf::from(format!("/tmp/profcards-{}", &digest[..12]));
        Ok(Self { data_dir, home, sockets, user })
    }

    pub(super) fn database_url(&self) -> String {
        format!("postgres://profcards@localhost/profcards?host={}", self.sockets.display())
    }

    pub(super) fn redis_url(&self) -> String {
        format!("redis+unix://{}", self.redis_socket().display())
    }

    pub(super) fn redis_socket(&self) -> PathBuf {
        self.sockets.join("redis.sock")
    }

    /// The lock of this instance's databases, or the id of the process that holds it.
    pub(super) fn lock(&self) -> Result<Result<File, String>> {
        let path = self.home.join("services.lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                Ok(Ok(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)?;
                Ok(Err(pid))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Servers of an earlier run that was killed are told to stop by the kernel, but may need a while.
    pub(super) fn end_leftovers(&self, folders: &[&str]) -> Result<()> {
        let left =
            || folders.iter().flat_map(|name| processes_in(&self.home.join(name))).collect::<Vec<u32>>();
        for pid in left() {
            signal(pid, "INT");
        }
        wait_until(STOPPED_WITHIN, || Ok(left().is_empty()))
            .with_context(|| format!("processes {:?} of an earlier run do not end", left()))?;
        // No process is left in the folder, so this can only name one that is gone, or by now a stranger.
        let _ = fs::remove_file(self.home.join("postgres/postmaster.pid"));
        Ok(())
    }

    /// An empty folder for the sockets; the instance's lock must be held.
    pub(super) fn make_socket_dir(&self) -> Result<SocketDir> {
        let path = &self.sockets;
        let owner = self.user.map_or(effective_uid()?, |user| user.uid);
        if let Ok(found) = fs::symlink_metadata(path) {
            // Anyone may create names in /tmp: one made by somebody else must not be used.
            let ours = found.is_dir() && found.uid() == owner && found.mode() & 0o777 == 0o700;
            ensure!(ours, "{} is not a private folder of user {owner}; remove it", path.display());
            fs::remove_dir_all(path)?;
        }
        self.make_dir(path)?;
        Ok(SocketDir(path.clone()))
    }

    /// Makes a folder that only the servers' user may enter.
    pub(super) fn make_dir(&self, path: &Path) -> Result<()> {
        DirBuilder::new().mode(0o700).create(path).with_context(|| format!("creating {}", path.display()))?;
        if let Some(user) = self.user {
            chown(path, Some(user.uid), Some(user.gid))?;
        }
        Ok(())
    }

    /// A command as the servers' user. It gets `death_signal` when this process dies, however it dies.
    pub(super) fn command(&self, program: &Path, death_signal: &str) -> Command {
        let mut command = setpriv(self.user);
        command.arg(format!("--pdeathsig={death_signal}")).arg("--").arg(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        // A process group of its own: the terminal's Ctrl-C is for the server, which stops these when it is done.
        command.current_dir(&self.home).stdin(Stdio::null()).process_group(0);
        command
    }

    /// Waits until PostgreSQL answers: it then writes "ready" into the last line of its lock file.
    pub(super) fn wait_for_postgres(&self, mut alive: impl FnMut() -> Result<()>) -> Result<()> {
        let status = self.home.join("postgres/postmaster.pid");
        wait_until(READY_WITHIN, || {
            alive()?;
            let text = fs::read_to_string(&status).unwrap_or_default();
            Ok(text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
        })
    }
}

/// The folder of the sockets, removed when dropped.
pub(super) struct SocketDir(PathBuf);

impl Drop for SocketDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The data folder when `user` can enter it. Otherwise a folder that is remembered by a link in the data
/// folder, so that the two are moved and forgotten together.
fn home_for(user: User, data_dir: &Path) -> Result<PathBuf> {
    let link = data_dir.join("databases");
    if let Ok(home) = fs::read_link(&link) {
        ensure!(home.is_dir(), "{} points to {}, which is gone", link.display(), home.display());
        return Ok(home.canonicalize()?);
    }
    let mut test = setpriv(Some(user));
    if test.args(["--", "test", "-x"]).arg(data_dir).status()?.success() {
        return Ok(data_dir.to_owned());
    }
    ensure!(
        !data_dir.join("postgres").exists(),
        "{} has become closed to the database's user; `chmod o+x` opens it again",
        data_dir.display()
    );
    let parent = Path::new("/var/lib/profcards");
    let home = parent.join(random_name()?);
    fs::create_dir_all(&home)?;
    for folder in [parent, &home] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?;
    }
    symlink(&home, &link)?;
    Ok(home.canonicalize()?)
}

/// The user to run the servers as: whoever owns the data already; else the account that the distribution's package
/// made, or the one that owns nothing.
fn unprivileged_user(data_dir: &Path) -> Result<User> {
    for data in ["postgres", "databases/postgres"] {
        if let Ok(found) = fs::metadata(data_dir.join(data)) {
            return Ok(User { uid: found.uid(), gid: found.gid() });
        }
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let mut accounts = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = accounts.find(|fields| fields[0] == name)?;
        Some(User { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.context("there is no user `postgres` or `nobody` to run the database as")
}

fn setpriv(user: Option<User>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(User { uid, gid }) = user {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    }
    command
}

/// The kernel's own random UUID, shortened: folder names need no generator of the server's.
pub(super) fn random_name() -> Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/uuid")?[..13].to_owned())
}
