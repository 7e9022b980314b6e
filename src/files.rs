//! Small files of the data folder: written whole or not at all, secrets readable by their owner alone.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};

/// Replaces `path` by `contents` in one step, with the given mode; its folder is made when missing.
fn write_atomically(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = (|| {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a secret: mode 0600.
pub fn write_private(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, contents, 0o600)
}

/// Writes what anyone may read: mode 0644.
pub fn write_public(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, contents, 0o644)
}

/// Reads a secret, and refuses one that others could have read.
pub fn read_private(path: &Path) -> anyhow::Result<String> {
    let mode = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.mode();
    ensure!(
        mode & 0o077 == 0,
        "{} is readable by others (mode {:o}); run: chmod 600 on it",
        path.display(),
        mode & 0o777
    );
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
