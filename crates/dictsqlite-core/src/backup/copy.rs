//! The copying of a database: as files where its log allows, else page by page by SQLite.

use super::aside::{Aside, with_suffix};
use super::files::Output;
use super::{Copied, Progress};
use crate::error::Result;
use crate::sqlite::{Extent, Source, merge};

/// Bytes read at once.
const PIECE: u64 = 1 << 20;

/// Copies the moment of `source` to `aside`, and lets go of it.
pub(super) fn copy(source: Source, aside: &Aside, progress: &Progress) -> Result<Copied> {
    let Some(extent) = source.extent() else {
        let size = source.copy(aside.path(), &mut |done, total| progress.report(done, total))?;
        return Ok(Copied { pages: size.pages, bytes: size.bytes });
    };
    copy_database(&source, &extent, aside, progress)?;
    let log = with_suffix(aside.path(), "-wal");
    let needed = copy_log(&source, &extent, &log, progress)?;
    drop(source);
    if needed {
        merge(aside.path(), &extent)?;
    } else {
        // Everything is in the database itself.
        let _ = std::fs::remove_file(&log);
    }
    Ok(Copied { pages: extent.pages, bytes: extent.database() })
}

fn copy_database(
    source: &Source,
    extent: &Extent,
    aside: &Aside,
    progress: &Progress,
) -> Result<()> {
    let mut output = Output::to(aside.path())?;
    let total = extent.database();
    let mut at = 0;
    while at < total {
        let count = PIECE.min(total - at);
        // Behind its end there are zeroes: what belongs there is in the log.
        source.read_database(output.room(count as usize), at)?;
        output.advance()?;
        at += count;
        let done = at / extent.page;
        progress.report(done.min(extent.pages - 1), extent.pages)?;
    }
    output.finish().map(drop)
}

/// True when the log is needed.
fn copy_log(
    source: &Source,
    extent: &Extent,
    path: &std::path::Path,
    progress: &Progress,
) -> Result<bool> {
    let total = extent.log();
    if total == 0 {
        return Ok(false);
    }
    let mut output = Output::create(path)?;
    let mut at = 0;
    while at < total {
        let count = PIECE.min(total - at);
        if !source.read_log(extent, output.room(count as usize), at)? {
            return Ok(false);
        }
        output.advance()?;
        at += count;
        progress.report(extent.pages - 1, extent.pages)?;
    }
    output.finish_unsynced()?;
    Ok(true)
}
