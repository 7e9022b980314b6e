//! Small files of the data folder: written whole or not at all, secrets readable by their owner alone. Texts are read as any
//! editor may have left them.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroize as _;

use anyhow::{Context as _, anyhow, ensure};

use crate::base::random::Random;

/// Replaces `path` by `contents` in one step, with the given mode; its folder is made when missing.
fn write_atomically(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    let path = &std::path::absolute(path)?;
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Nobody may have made it beforehand and hold it open: the mode is given only to a file that is new.
    let draft = path.with_extension(format!("draft-{}", hex::encode(Random::System.bytes::<8>())));
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(folder)?.sync_all()
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

/// The mark with which some editors begin a file in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text without the byte order mark that it may begin with.
pub fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// A line of a text without its end, as Unix or Windows writes it. Nothing else is cut: a space is a digit of Base45.
pub fn without_line_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Reads a text in UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(without_byte_order_mark(&text).to_owned())
}

/// Reads a secret, and refuses one that others could have read or written.
pub fn read_private(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    // Of the file that was opened, whatever lies at the path by now.
    let metadata = file.metadata().with_context(cannot)?;
    ensure_private(metadata.mode(), metadata.uid(), effective_uid()?)
        .map_err(|why| anyhow!("{} {why}", path.display()))?;
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(cannot)?;
    if text.starts_with(BYTE_ORDER_MARK) {
        let bare = without_byte_order_mark(&text).to_owned();
        text.zeroize();
        return Ok(bare);
    }
    Ok(text)
}

fn ensure_private(mode: u32, owner: u32, reader: u32) -> anyhow::Result<()> {
    ensure!(mode & 0o077 == 0, "is readable by others (mode {:o}); run: chmod 600 on it", mode & 0o777);
    ensure!(owner == reader, "belongs to user {owner}, and this process runs as user {reader}");
    Ok(())
}

/// The user as whom this process acts.
pub fn effective_uid() -> anyhow::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_private_only_while_it_is_the_readers_alone() {
        assert!(ensure_private(0o100_600, 7, 7).is_ok());
        assert!(ensure_private(0o100_400, 7, 7).is_ok());
        for mode in [0o100_640, 0o100_604, 0o100_620] {
            assert!(ensure_private(mode, 7, 7).is_err_and(|error| error.to_string().contains("chmod 600")));
        }
        assert!(ensure_private(0o100_600, 8, 7).is_err_and(|error| error.to_string().contains("user 8")));
    }

    #[test]
    fn a_text_is_read_however_an_editor_left_it() {
        let folder = std::env::temp_dir().join(format!("profcards-texts-{}", std::process::id()));
        let path = folder.join("text");
        write_private(&path, "\u{feff}тихая гавань\r\n".as_bytes()).unwrap();
        assert_eq!(read_text(&path).unwrap(), "тихая гавань\r\n");
        assert_eq!(read_private(&path).unwrap(), "тихая гавань\r\n");
        fs::remove_dir_all(folder).unwrap();
        for line in ["PC1: A ", "PC1: A \n", "PC1: A \r\n", "PC1: A \r"] {
            assert_eq!(without_line_end(line), "PC1: A ");
        }
    }

    #[test]
    fn a_secret_is_written_to_a_file_of_its_own_and_leaves_no_draft() {
        let folder = std::env::temp_dir().join(format!("profcards-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let path = folder.join("secret");
        write_private(&path, b"first").unwrap();
        // What somebody put where a draft might have been expected is neither used nor touched.
        let planted = path.with_extension(format!("draft-{}", std::process::id()));
        fs::write(&planted, "planted").unwrap();
        write_private(&path, b"second").unwrap();
        assert_eq!(read_private(&path).unwrap(), "second");
        assert_eq!(fs::read_to_string(&planted).unwrap(), "planted");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }
}
