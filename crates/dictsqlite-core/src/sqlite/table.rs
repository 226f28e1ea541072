//! Tables as the process knows them: their numbers, names, codecs, SQL and row counts.

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

/// One table. A table that is dropped and made again is another one.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) physical: String,
    pub(crate) storage: StorageMode,
    pub(super) sql: Sql,
    pub(crate) count: Mutex<Option<Count>>,
    dropped: AtomicBool,
}

impl Table {
    fn new(id: u32, name: &str, physical: &str, storage: StorageMode) -> Self {
        Self {
            id,
            name: name.to_owned(),
            physical: physical.to_owned(),
            storage,
            sql: Sql::new(physical, storage),
            count: Mutex::new(None),
            dropped: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    pub(crate) fn set_dropped(&self) {
        self.dropped.store(true, Ordering::Release);
    }
}

/// The tables of one store that were opened in this process.
#[derive(Default)]
pub(crate) struct Tables {
    all: RwLock<Vec<Arc<Table>>>,
}

impl Tables {
    /// The table with this number.
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Table>> {
        self.all.read().get(id as usize).cloned()
    }

    /// Every table opened so far and not dropped.
    pub(crate) fn open(&self) -> Vec<Arc<Table>> {
        self.all.read().iter().filter(|t| !t.is_dropped()).cloned().collect()
    }

    /// The one object for a table: the same for the same name, codec and place in the file.
    pub(crate) fn intern(&self, name: &str, physical: &str, storage: StorageMode) -> Arc<Table> {
        let mut all = self.all.write();
        let known = all.iter().find(|t| {
            !t.is_dropped() && t.name == name && t.physical == physical && t.storage == storage
        });
        if let Some(table) = known {
            return Arc::clone(table);
        }
        let table = Arc::new(Table::new(all.len() as u32, name, physical, storage));
        all.push(Arc::clone(&table));
        table
    }
}

/// A name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The version column as it is read.
pub(super) const VERSION: &str = "CASE version WHEN 0 THEN -id ELSE version END";

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
            get: format!("SELECT {value}, {version}, expires_at FROM {t} WHERE key = ?1"),
            exists: format!("SELECT expires_at FROM {t} WHERE key = ?1"),
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
                "SELECT key, {value}, {version}, expires_at FROM {t} WHERE {alive} \
                 ORDER BY id DESC LIMIT 1"
            ),
            oldest: format!(
                "SELECT key, {value}, {version}, expires_at FROM {t} WHERE {alive} \
                 ORDER BY id LIMIT 1"
            ),
            clear: format!("DELETE FROM {t}"),
            sweep: format!(
                "DELETE FROM {t} WHERE id IN (SELECT id FROM {t} \
                 WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) RETURNING key"
            ),
            count: format!("SELECT count(*) FROM {t}"),
            count_expired: format!("SELECT count(*) FROM {t} WHERE expires_at <= ?1"),
            next_expiry: format!("SELECT min(expires_at) FROM {t} WHERE expires_at IS NOT NULL"),
            max_id: format!("SELECT max(id) FROM {t}"),
            name: t,
            value,
        }
    }
}
