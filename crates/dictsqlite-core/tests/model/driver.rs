//! The world of one run: the stores as they are and as they should be.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dictsqlite_core::{Dict, ErrorKind, Key, ManualClock, Options, PersistMode, StorageMode};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::reference::{Slot, Table, Versions, rank};
use crate::steps::{ScanStep, Setup, Step, Via};

const START: i64 = 1_000_000;

pub(crate) struct World {
    setup: Setup,
    dir: TempDir,
    clock: ManualClock,
    pub(crate) now: i64,
    handles: [Option<Arc<Dict>>; 3],
    pub(crate) storage: [StorageMode; 2],
    pub(crate) tables: [Table; 2],
    pub(crate) versions: Versions,
    writes: u64,
}

/// The table a handle is on.
pub(crate) fn table_of(via: Via) -> usize {
    usize::from(via == Via::Other)
}

impl World {
    pub(crate) fn open(setup: &Setup) -> Self {
        let mut world = Self {
            setup: setup.clone(),
            dir: tempfile::tempdir().unwrap(),
            clock: ManualClock::at(START),
            now: START,
            handles: [None, None, None],
            storage: setup.storage,
            tables: Default::default(),
            versions: Versions::default(),
            writes: 0,
        };
        for via in [Via::First, Via::Second, Via::Other] {
            world.open_one(via);
        }
        world
    }

    fn is_private(&self) -> bool {
        self.setup.mode == PersistMode::Memory
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("model.db")
    }

    fn open_one(&mut self, via: Via) {
        let name = ["main", "other"][table_of(via)];
        let storage = self.storage[table_of(via)];
        let there = self.handles.iter().flatten().next().filter(|_| self.is_private());
        let dict = match there {
            // A private store can only be shared through a handle on it.
            Some(dict) => dict.table(name, Some(storage)).unwrap(),
            None => Dict::open(self.path(), &self.options(via, name, storage)).unwrap(),
        };
        self.handles[via as usize] = Some(Arc::new(dict));
    }

    fn options(&self, via: Via, name: &str, storage: StorageMode) -> Options {
        let second = via == Via::Second && !self.is_private();
        Options {
            persist_mode: if second { self.setup.second_mode } else { self.setup.mode },
            storage_mode: storage,
            table: name.to_owned(),
            buffer_size: self.setup.buffer_size,
            flush_interval: self.setup.flush_interval,
            hot_capacity: self.setup.hot_capacity,
            memtable_bytes: self.setup.memtable_bytes,
            timeout: Duration::from_secs(30),
            clock: Arc::new(self.clock.clone()),
            ..Options::default()
        }
    }

    pub(crate) fn dict(&self, via: Via) -> Arc<Dict> {
        Arc::clone(self.handles[via as usize].as_ref().unwrap())
    }

    /// A slot for a write that happens now.
    pub(crate) fn slot(&mut self, key: &Key, value: Vec<u8>, expires_at: Option<i64>) -> Slot {
        self.writes += 1;
        Slot { key: key.clone(), value, expires_at, write: Some(self.writes) }
    }

    pub(crate) fn flushed(&mut self) {
        self.tables.iter_mut().for_each(|table| table.dirty.clear());
    }

    /// The value number `v` of a table: integers, one that cannot be added to, short and long ones.
    pub(crate) fn value(&self, table: usize, v: u8) -> Vec<u8> {
        if v == 255 && self.storage[table] == StorageMode::Bytes {
            return Vec::new();
        }
        let text = match v % 8 {
            0..=3 => (i64::from(v) - 100).to_string(),
            4 => i64::MAX.to_string(),
            5 => format!("\"{v}\""),
            6 => format!("\"{}\"", "y".repeat(usize::from(v) * 100)),
            _ => format!("[{v},null]"),
        };
        text.into_bytes()
    }

    pub(crate) fn live_through(mut self, steps: &[Step]) {
        for step in steps {
            self.take(step);
        }
        self.check_everything();
        if self.is_private() {
            return;
        }
        self.reopen(false);
        self.check_everything();
        self.handles = [None, None, None];
        let connection = Connection::open(self.path()).unwrap();
        let verdict: String =
            connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Do(via, how, op) => self.perform(*via, *how, op),
            Step::Advance(ms, flush) => {
                if *flush {
                    self.dict(Via::First).flush().unwrap();
                    self.flushed();
                }
                self.clock.advance(*ms);
                self.now += ms;
                let now = self.now;
                self.tables.iter_mut().for_each(|table| table.expire(now));
            }
            Step::Foreign(key, v) if !self.is_private() => self.write_from_outside(key, *v),
            Step::Reopen(close) if !self.is_private() => self.reopen(*close),
            Step::Foreign(..) | Step::Reopen(_) => {}
            Step::ReopenOne(via) => {
                self.dict(*via).close().unwrap();
                let refused = self.dict(*via).get(1_i64).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::Closed);
                self.handles[*via as usize] = None;
                self.flushed();
                self.open_one(*via);
            }
            Step::DropOther(storage) => self.drop_other(*storage),
        }
    }

    fn reopen(&mut self, close: bool) {
        for handle in self.handles.iter_mut() {
            let dict = handle.take().unwrap();
            if close {
                dict.close().unwrap();
            }
            let last = Arc::into_inner(dict);
            assert!(last.is_some(), "nobody else may keep a handle");
        }
        self.flushed();
        for via in [Via::Other, Via::First, Via::Second] {
            self.open_one(via);
        }
    }

    fn drop_other(&mut self, storage: StorageMode) {
        let before = self.dict(Via::Other);
        assert!(self.dict(Via::First).drop_table("other").unwrap());
        assert!(!self.dict(Via::First).drop_table("other").unwrap());
        assert_eq!(before.set("a", b"1").unwrap_err().kind(), ErrorKind::Closed);
        self.storage[1] = storage;
        self.tables[1] = Table::default();
        let again = self.dict(Via::First).table("other", Some(storage)).unwrap();
        self.handles[2] = Some(Arc::new(again));
        let names: Vec<_> =
            self.dict(Via::Second).tables().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["main", "other"]);
    }

    /// Another connection changes the first table, as the sqlite3 shell would.
    fn write_from_outside(&mut self, key: &Key, v: Option<u8>) {
        self.dict(Via::First).flush().unwrap();
        self.flushed();
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        let stored: rusqlite::types::Value = match key {
            Key::Int(i) => (*i).into(),
            Key::Text(s) => s.clone().into(),
            Key::Bytes(_) | Key::Tuple(_) => rank(key).2.into(),
        };
        let table = &mut self.tables[0];
        let now = self.now;
        connection
            .execute(
                "DELETE FROM main WHERE key = ?1 AND (?2 OR expires_at <= ?3)",
                params![stored, v.is_none(), now],
            )
            .unwrap();
        let Some(v) = v else {
            table.remove(key);
            self.flushed();
            return;
        };
        let value = self.value(0, v);
        let bound = match self.storage[0] {
            StorageMode::Bytes | StorageMode::Pickle => "?2",
            StorageMode::Json => "CAST(?2 AS TEXT)",
            StorageMode::Jsonb => "jsonb(CAST(?2 AS TEXT))",
        };
        let sql = format!(
            "INSERT INTO main(key, value) VALUES(?1, {bound}) \
             ON CONFLICT(key) DO UPDATE SET value = excluded.value"
        );
        connection.execute(&sql, params![stored, value]).unwrap();
        match self.tables[0].get_mut(key) {
            Some(slot) => slot.value = value,
            None => {
                self.tables[0].put(Slot { key: key.clone(), value, expires_at: None, write: None });
            }
        }
        self.flushed();
    }

    /// After a flush another connection sees every entry of the table.
    pub(crate) fn check_committed(&self, table: usize) {
        if self.is_private() {
            return;
        }
        let connection = Connection::open(self.path()).unwrap();
        let name = ["main", "other"][table];
        let sql = format!(
            "SELECT count(*) FROM {name} WHERE expires_at IS NULL OR expires_at > {}",
            self.now
        );
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, self.tables[table].slots.len() as i64);
    }

    /// The whole of every table, through every handle.
    fn check_everything(&mut self) {
        for via in [Via::First, Via::Second, Via::Other] {
            for consistent in [false, true] {
                self.check_scan(
                    via,
                    crate::executor::How::Blocking,
                    &ScanStep {
                        order: None,
                        prefix: None,
                        start: None,
                        end: None,
                        reverse: false,
                        limit: None,
                        values: true,
                        consistent,
                    },
                );
            }
            for key in crate::steps::pool() {
                self.check_get(via, crate::executor::How::Blocking, &key);
                self.check_entry(via, &key);
            }
        }
    }
}
