//! Tables as the process knows them: their numbers, names, codecs, SQL and row counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sync::{Mutex, RwLock};

use crate::types::StorageMode;

/// How many rows a table has, as of an epoch of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) rows: i64,
    /// No entry expires before this time (ms).
    pub(crate) next_expiry: i64,
    pub(crate) epoch: u64,
}

/// What the file records of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its name in SQLite.
    pub(crate) physical: String,
    pub(crate) storage: StorageMode,
    /// The number of the operation that made it; zero when the file does not say.
    pub(crate) created: i64,
}

/// One table. A table that is dropped and made again is another one.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) storage: StorageMode,
    record: Record,
    pub(super) sql: Sql,
    pub(crate) count: Mutex<Option<Count>>,
    dropped: AtomicBool,
    /// Whether its changes are logged, as far as is known: the writer finds out before it writes.
    changes: AtomicBool,
}

impl Table {
    fn new(id: u32, name: &str, record: &Record) -> Self {
        Self {
            id,
            name: name.to_owned(),
            storage: record.storage,
            record: record.clone(),
            sql: Sql::new(&record.physical, record.storage),
            count: Mutex::new(None),
            dropped: AtomicBool::new(false),
            changes: AtomicBool::new(false),
        }
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// The number of the operation that made it; zero when the file does not say.
    pub(crate) fn created(&self) -> i64 {
        self.record.created
    }

    #[inline]
    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn has_changes(&self) -> bool {
        self.changes.load(Ordering::Relaxed)
    }

    pub(super) fn set_changes(&self, logged: bool) {
        self.changes.store(logged, Ordering::Relaxed);
    }

    pub(crate) fn set_dropped(&self) {
        self.dropped.store(true, Ordering::Release);
    }
}

/// The tables of one store that were opened in this process. A number is not given twice.
#[derive(Default)]
pub(crate) struct Tables {
    all: RwLock<Numbered>,
}

#[derive(Default)]
struct Numbered {
    tables: BTreeMap<u32, Arc<Table>>,
    next: u32,
}

impl Tables {
    /// The table with this number.
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Table>> {
        self.all.read().tables.get(&id).cloned()
    }

    /// Every table opened so far and not dropped.
    pub(crate) fn open(&self) -> Vec<Arc<Table>> {
        self.all.read().tables.values().filter(|t| !t.is_dropped()).cloned().collect()
    }

    /// How many tables are remembered.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.all.read().tables.len()
    }

    /// The one object for a table: the same for the same name and record. Dropped ones are forgotten.
    pub(crate) fn intern(&self, name: &str, record: &Record) -> Arc<Table> {
        let mut all = self.all.write();
        all.tables.retain(|_, table| !table.is_dropped());
        if let Some(table) = all.tables.values().find(|t| t.name == name && t.record == *record) {
            return Arc::clone(table);
        }
        let id = all.next;
        all.next += 1;
        let table = Arc::new(Table::new(id, name, record));
        all.tables.insert(id, Arc::clone(&table));
        table
    }
}

/// A name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The version column as it is read. What another tool wrote may not fit 64 bits: it is the nearest
/// number that does.
pub(super) const VERSION: &str = "CAST(CASE version WHEN 0 THEN -id ELSE version END AS INTEGER)";
/// The expiry as it is read, likewise.
pub(super) const EXPIRES: &str = "CAST(expires_at AS INTEGER)";
/// No id of ours is above this one: so rows that other tools put there do not use the numbers up.
pub(super) const LAST_NUMBER: i64 = 1 << 62;

/// The SQL texts of one table.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) name: String,
    /// The value column as it is read.
    pub(super) value: &'static str,
    pub(super) get: String,
    pub(super) exists: String,
    pub(super) upsert: String,
    pub(super) delete: String,
    pub(super) delete_expired_key: String,
    pub(super) touch: String,
    pub(super) newest: String,
    pub(super) oldest: String,
    pub(super) clear: String,
    pub(super) sweep: String,
    pub(super) count: String,
    pub(super) count_expired: String,
    pub(super) next_expiry: String,
    pub(super) max_id: String,
    pub(super) last_number: String,
}

impl Sql {
    fn new(physical: &str, storage: StorageMode) -> Self {
        let t = quoted(physical);
        let (value, bound) = match storage {
            StorageMode::Jsonb => ("json(value)", "jsonb(?3)"),
            _ => ("value", "?3"),
        };
        // Rows of other tools have version 0, which stands for "no entry"; their ids tell them apart.
        let version = VERSION;
        let alive = "(expires_at IS NULL OR expires_at > ?1)";
        Self {
            get: format!("SELECT {value}, {version}, {EXPIRES} FROM {t} WHERE key = ?1"),
            exists: format!("SELECT {EXPIRES} FROM {t} WHERE key = ?1"),
            upsert: format!(
                "INSERT INTO {t}(id, key, value, version, expires_at) \
                 VALUES(?1, ?2, {bound}, ?4, ?5) ON CONFLICT(key) DO UPDATE SET \
                 value = excluded.value, version = excluded.version, \
                 expires_at = excluded.expires_at"
            ),
            delete: format!("DELETE FROM {t} WHERE key = ?1"),
            delete_expired_key: format!("DELETE FROM {t} WHERE key = ?1 AND expires_at <= ?2"),
            touch: format!("UPDATE {t} SET expires_at = ?2, version = ?3 WHERE key = ?1"),
            newest: format!(
                "SELECT key, {value}, {version}, {EXPIRES} FROM {t} WHERE {alive} \
                 ORDER BY id DESC LIMIT 1"
            ),
            oldest: format!(
                "SELECT key, {value}, {version}, {EXPIRES} FROM {t} WHERE {alive} \
                 ORDER BY id LIMIT 1"
            ),
            clear: format!("DELETE FROM {t}"),
            sweep: format!(
                "DELETE FROM {t} WHERE id IN (SELECT id FROM {t} \
                 WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) RETURNING key"
            ),
            count: format!("SELECT count(*) FROM {t}"),
            count_expired: format!("SELECT count(*) FROM {t} WHERE expires_at <= ?1"),
            next_expiry: format!(
                "SELECT CAST(min(expires_at) AS INTEGER) FROM {t} WHERE expires_at < {}",
                i64::MAX
            ),
            max_id: format!("SELECT max(id) FROM {t}"),
            last_number: format!("SELECT max(id) FROM {t} WHERE id <= {LAST_NUMBER}"),
            name: t,
            value,
        }
    }
}
