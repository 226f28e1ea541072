//! Entries written to a file that is no database, as of one moment.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aside::Aside;
use super::files::Output;
use super::place::{Place, What};
use super::record::{ExportFormat, Named};
use super::{Progress, barrier, binary, lines};
use crate::error::{Error, Result};
use crate::readers::Lent;
use crate::sqlite::{After, Bounds, PageRequest, Table};
use crate::store::Store;
use crate::types::{AsKey, Key, Kind, Order, Page, RowRef, Tag, pack, packed_tag, prefix_bounds};

/// Rows and bytes of one page.
const ROWS: usize = 2048;
const BYTES: usize = 1 << 20;
/// What the binary form can number.
const MOST_TABLES: usize = u16::MAX as usize;

/// What is exported, and how.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// How the file looks.
    pub format: ExportFormat,
    /// The tables; empty for the handle's own.
    pub tables: Vec<String>,
    /// Every table of the store, whatever `tables` says.
    pub all_tables: bool,
    /// Only keys with this prefix, as in a scan.
    pub prefix: Option<Key>,
    /// Whether an export that is there already is replaced.
    pub overwrite: bool,
    /// How far it is, in entries, and its cancelling.
    pub progress: Progress,
}

/// Writes entries to `dest`; how many.
pub(crate) fn export(
    store: &Store,
    own: &Table,
    dest: &Path,
    options: &ExportOptions,
    timeout: Duration,
) -> Result<u64> {
    let progress = &options.progress;
    progress.begin()?;
    let place =
        Place::new(dest, What::Export, options.overwrite, store.state.opener.file, timeout)?;
    let deadline = Instant::now() + timeout;
    let tables = chosen(store, own, options, deadline)?;
    barrier(store, deadline, progress)?;
    let aside = Aside::beside(place.path(), store.path())?;
    let mut output = Output::to(aside.path())?;
    let mut writer = Writer::new(options.format, &tables, &mut output)?;
    let count = {
        let snapshot = Snapshot::begin(store, deadline)?;
        let total = snapshot.total(&tables, options.prefix.is_none())?;
        let mut count = 0;
        for (n, table) in tables.iter().enumerate() {
            let mut rows = Rows::of(store, table, options.prefix.as_ref())?;
            while let Some(page) = rows.next(&snapshot.reader)? {
                for row in (0..page.len()).filter_map(|n| page.row(n)) {
                    writer.write(&mut output, n, &row)?;
                    output.advance()?;
                }
                count += page.len() as u64;
                progress.report(count.min(total.saturating_sub(1)), total)?;
            }
        }
        count
    };
    writer.end(&mut output, count)?;
    output.finish()?;
    place.put(aside, progress)?;
    progress.finish(count);
    Ok(count)
}

fn chosen(
    store: &Store,
    own: &Table,
    options: &ExportOptions,
    deadline: Instant,
) -> Result<Vec<Arc<Table>>> {
    let known = store.tables(deadline)?;
    let names: Vec<&str> = if options.all_tables {
        known.iter().map(|(name, _)| name.as_str()).collect()
    } else if options.tables.is_empty() {
        vec![&own.name]
    } else {
        options.tables.iter().map(String::as_str).collect()
    };
    if names.len() > MOST_TABLES {
        return Err(Error::invalid(format!("an export has at most {MOST_TABLES} tables")));
    }
    let mut tables = Vec::new();
    for name in names {
        let Some((_, storage)) = known.iter().find(|(known, _)| known == name) else {
            let known: Vec<_> = known.iter().map(|(name, _)| name.as_str()).collect();
            let known = known.join(", ");
            return Err(Error::invalid(format!("there is no table {name:?}; there are: {known}")));
        };
        if tables.iter().all(|table: &Arc<Table>| table.name != name) {
            tables.push(store.table(name, *storage, deadline)?);
        }
    }
    // As the header has them.
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

/// A connection in a read transaction, which ends when this is dropped.
struct Snapshot<'a> {
    reader: Lent<'a>,
}

impl<'a> Snapshot<'a> {
    fn begin(store: &'a Store, deadline: Instant) -> Result<Self> {
        let reader = store.readers.borrow(deadline)?;
        reader.begin()?;
        let snapshot = Self { reader };
        snapshot.reader.pin()?;
        Ok(snapshot)
    }

    /// How many entries there will be, expired ones included; 0 when that would have to be read.
    fn total(&self, tables: &[Arc<Table>], all: bool) -> Result<u64> {
        let mut total = 0;
        for table in tables.iter().filter(|_| all) {
            total += self.reader.count(table)?.unsigned_abs();
        }
        Ok(total)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written, so there is nothing the end could lose.
        let _ = self.reader.end();
    }
}

/// The rows of a table, a page at a time.
struct Rows<'a> {
    store: &'a Store,
    table: &'a Table,
    request: PageRequest,
    kind: Option<Kind>,
    ended: bool,
}

impl<'a> Rows<'a> {
    fn of(store: &'a Store, table: &'a Table, prefix: Option<&Key>) -> Result<Self> {
        let bounds = match prefix {
            Some(prefix) => {
                let (start, end) = prefix_bounds(table.id, prefix)?;
                Bounds { start: Some(start), end }
            }
            None => Bounds::default(),
        };
        let request = PageRequest {
            order: if prefix.is_some() { Order::Key } else { Order::Insertion },
            reverse: false,
            bounds,
            after: After::Start,
            newest: None,
            rows: ROWS,
            bytes: BYTES,
            values: true,
            details: true,
            now_ms: 0,
        };
        Ok(Self { store, table, request, kind: prefix.and_then(Kind::of), ended: false })
    }

    fn next(&mut self, reader: &Lent<'_>) -> Result<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let mut page = Page::default();
        self.request.now_ms = self.store.state.now_ms();
        self.ended = reader.page(self.table, &mut self.request, &mut page)?;
        if let Some(kind) = self.kind {
            page.retain(|key| kind.is_of(&key));
        }
        Ok(Some(page))
    }
}

/// Writes the entries in one of the forms.
struct Writer {
    format: ExportFormat,
    tables: Vec<Named>,
}

impl Writer {
    fn new(format: ExportFormat, tables: &[Arc<Table>], output: &mut Output) -> Result<Self> {
        let named = |table: &Arc<Table>| Named { name: table.name.clone(), storage: table.storage };
        let tables: Vec<Named> = tables.iter().map(named).collect();
        match format {
            ExportFormat::JsonLines => lines::write_header(output.piece(), &tables)?,
            ExportFormat::Binary => binary::write_header(output.piece(), &tables)?,
        }
        Ok(Self { format, tables })
    }

    fn write(&mut self, output: &mut Output, table: usize, row: &RowRef<'_>) -> Result<()> {
        let key = row.owned_key();
        // As we would store it: other tools' bytes may say that they are a tuple and be none.
        let packed = pack(0, key.as_key())?;
        let text = packed_tag(&packed) == Tag::Text as u8;
        if text && packed[4..] != row.packed()[4..] {
            let error = Error::codec(
                "the key is no UTF-8, so another tool wrote it, and no export can hold it; delete it \
                 or set it anew",
            );
            return Err(error.with_key(key));
        }
        let (value, expires_at) = (row.value(), row.expires_at());
        match self.format {
            ExportFormat::JsonLines => {
                let named = &self.tables[table];
                lines::write_record(output.piece(), named, &key, value, expires_at)
            }
            ExportFormat::Binary => {
                binary::write_record(output.piece(), table, &packed, value, expires_at)
            }
        }
    }

    fn end(&mut self, output: &mut Output, count: u64) -> Result<()> {
        match self.format {
            ExportFormat::JsonLines => {
                lines::write_end(output.piece(), count);
                Ok(())
            }
            ExportFormat::Binary => binary::write_end(output.piece(), count),
        }
    }
}
