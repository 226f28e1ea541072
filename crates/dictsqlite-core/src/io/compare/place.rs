//! A file to measure on, gone afterwards.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::io::buf::Buf;
use crate::io::file::Sync;
use crate::io::pool_vfs::PoolVfs;
use crate::io::vfs::{AsyncVfs, OpenOptions};

/// Written at a time when the file is filled.
const PIECE: usize = 1 << 20;

pub(super) struct Place {
    pub(super) path: PathBuf,
}

impl Place {
    /// A new file of `len` bytes that are no zeroes, on the disk and in the page cache.
    pub(super) fn new(dir: &Path, len: u64) -> Result<Self> {
        let vfs = PoolVfs::new();
        let tag = vfs.randomness(Buf::zeroed(8)).wait()?;
        let tag: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = dir.join(format!("dictsqlite-bench-{tag}"));
        let options = OpenOptions { mode: Some(0o600), ..OpenOptions::create_new() };
        let file = vfs.open(&path, &options).wait()?;
        let place = Self { path };
        let mut piece = Buf::from(vec![0x5A; PIECE]);
        let mut done = 0;
        while done < len {
            let left = usize::try_from(len - done).unwrap_or(PIECE);
            piece.truncate(left);
            piece = file.write_at(piece, done).wait()?.whole()?;
            done += piece.len() as u64;
        }
        file.sync(Sync::Full).wait()?;
        file.close().wait()?;
        Ok(place)
    }

    /// Checks that what was measured was there.
    pub(super) fn check_len(&self, len: u64) -> Result<()> {
        let found = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if found >= len {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Io,
            format!("{} was changed while it was measured on", self.path.display()),
        ))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may be gone already, and nobody could be told.
        let _ = std::fs::remove_file(&self.path);
    }
}
