//! Values by chunks: what is in the file meanwhile, and that nothing of it stays.

mod freeing;
mod reading;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{ValueReader, ValueWriter};
use crate::changes::ChangesOptions;
use crate::sqlite::CHUNK_BYTES;
use crate::types::ChangeRetention;
use crate::{
    Dict, ErrorKind, Key, ManualClock, Options, PersistMode, Result, ScanOptions, StorageMode, Ttl,
};

struct File {
    _dir: TempDir,
    path: PathBuf,
    clock: ManualClock,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Self { _dir: dir, path, clock: ManualClock::at(10_000_000) }
    }

    fn options(&self) -> Options {
        Options {
            storage_mode: StorageMode::Bytes,
            persist_mode: PersistMode::Lazy,
            flush_interval: Duration::from_secs(3600),
            clock: Arc::new(self.clock.clone()),
            ..Options::default()
        }
    }

    fn open(&self) -> Dict {
        Dict::open(&self.path, &self.options()).unwrap()
    }

    /// Another tool's connection.
    fn shell(&self) -> Connection {
        let shell = Connection::open(&self.path).unwrap();
        shell.busy_timeout(Duration::from_secs(10)).unwrap();
        shell
    }

    fn number(&self, sql: &str) -> i64 {
        self.shell().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn chunks(&self) -> i64 {
        self.number("SELECT count(*) FROM _dictsqlite_chunks")
    }

    /// Waits until so many chunks and streams are left.
    fn await_left(&self, chunks: i64, streams: i64) {
        let until = Instant::now() + Duration::from_secs(20);
        let left = || (self.chunks(), self.number("SELECT count(*) FROM _dictsqlite_streams"));
        while left() != (chunks, streams) {
            assert!(Instant::now() < until, "{:?} are left", left());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Bytes that differ from place to place and from one seed to the other.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    (0..len).map(|_| next()).collect()
}

fn put(dict: &Dict, key: &str, data: &[u8]) -> i64 {
    let mut writer = dict.write_value(key, Ttl::Default).unwrap();
    data.chunks(100_000).for_each(|part| writer.write(part).unwrap());
    assert_eq!(writer.written(), data.len() as u64);
    writer.close().unwrap()
}

fn read_all(mut reader: ValueReader) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let part = reader.read_some(70_000)?;
        if part.is_empty() {
            return Ok(all);
        }
        all.extend(part);
    }
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("it is refused").kind()
}

const SIZES: [usize; 7] =
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17];

#[test]
fn what_was_written_is_read_in_every_way() {
    for place in ["file", ":memory:"] {
        let file = File::new();
        let path = if place == "file" { file.path.clone() } else { place.into() };
        let dict = Dict::open(path, &file.options()).unwrap();
        for (n, size) in SIZES.into_iter().enumerate() {
            let data = bytes(size, n as u64);
            let key = format!("k{n}");
            let version = put(&dict, &key, &data);
            assert_eq!(dict.get(&key).unwrap().as_deref(), Some(&data[..]), "{size}");
            let entry = dict.entry(&key).unwrap().unwrap();
            assert_eq!((&entry.value[..], entry.version), (&data[..], version));
            let many = dict.get_many(&["absent", &key]).unwrap();
            assert_eq!(many[1].as_deref(), Some(&data[..]));
            let reader = dict.read_value(&key).unwrap();
            assert_eq!(reader.size(), size as u64);
            assert!(read_all(reader).unwrap() == data);
            assert!(dict.contains(&key).unwrap() && dict.contains_async(&key).wait().unwrap());
        }
        assert_eq!(dict.len().unwrap(), SIZES.len() as u64);
        let items = dict.scan(&ScanOptions::default()).unwrap().map(|item| item.unwrap());
        for (n, item) in items.enumerate() {
            assert!(item.value.as_deref() == Some(&bytes(SIZES[n], n as u64)[..]));
        }
        let popped = dict.pop("k6").unwrap().unwrap();
        assert!(popped.value[..] == bytes(SIZES[6], 6)[..]);
        assert_eq!(dict.get("k6").unwrap(), None);
        dict.close().unwrap();
    }
}

#[test]
fn without_blocking_it_is_the_same() {
    let file = File::new();
    let dict = file.open();
    smol::block_on(async {
        for (n, size) in SIZES.into_iter().enumerate() {
            let data = bytes(size, n as u64);
            let mut writer = dict.write_value("k", Ttl::Default).unwrap();
            // Once in parts, once all in one call that is many chunks.
            for part in data.chunks(if n % 2 == 0 { 90_000 } else { usize::MAX }) {
                writer = writer.write_async(part).await.unwrap();
            }
            let version = writer.close_async().await.unwrap();
            assert_eq!(dict.entry_async("k").await.unwrap().unwrap().version, version);
            let mut reader = dict.read_value_async("k").await.unwrap();
            let mut all = Vec::new();
            loop {
                let part;
                (reader, part) = reader.read_some_async(90_000).await.unwrap();
                if part.is_empty() {
                    break;
                }
                all.extend(part);
            }
            assert!(all == data, "{size}");
        }
    });
    dict.close().unwrap();
}

#[test]
fn nobody_sees_half_a_value() {
    let file = File::new();
    let dict = file.open();
    dict.set("k", b"old").unwrap();
    let mut writer = dict.write_value("k", Ttl::Default).unwrap();
    writer.write(&bytes(5 * CHUNK_BYTES, 1)).unwrap();
    // Chunks are in the file already.
    assert!(file.chunks() >= 3);
    let other = Dict::open(&file.path, &file.options()).unwrap();
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"old"[..]));
    assert_eq!(other.len().unwrap(), 1);
    writer.close().unwrap();
    assert!(other.get("k").unwrap().unwrap()[..] == bytes(5 * CHUNK_BYTES, 1)[..]);
    assert_eq!(other.len().unwrap(), 1);
}

#[test]
fn of_two_writers_the_last_to_close_wins() {
    let file = File::new();
    let dict = file.open();
    let (a, b) = (bytes(3 * CHUNK_BYTES, 1), bytes(4 * CHUNK_BYTES, 2));
    let mut first = dict.write_value("k", Ttl::Default).unwrap();
    let mut second = dict.write_value("k", Ttl::Default).unwrap();
    for n in 0..4 {
        first.write(a.get(n * CHUNK_BYTES..(n + 1) * CHUNK_BYTES).unwrap_or_default()).unwrap();
        second.write(&b[n * CHUNK_BYTES..(n + 1) * CHUNK_BYTES]).unwrap();
    }
    second.close().unwrap();
    assert!(dict.get("k").unwrap().unwrap()[..] == b[..]);
    first.close().unwrap();
    assert!(dict.get("k").unwrap().unwrap()[..] == a[..]);
    file.await_left(3, 1);
}

#[test]
fn a_version_that_is_expected_is_looked_at_when_it_is_closed() {
    let file = File::new();
    let dict = file.open();
    let begin = |version, size: usize| {
        let mut writer = dict.write_value_if_version("k", Ttl::Default, version).unwrap();
        writer.write(&bytes(size, 3)).unwrap();
        writer
    };
    for size in [10, 3 * CHUNK_BYTES] {
        dict.delete("k").unwrap();
        let version = begin(0, size).close().unwrap();
        let (late, right) = (begin(0, size), begin(version, size));
        let e = late.close().unwrap_err();
        assert_eq!((e.kind(), e.key()), (ErrorKind::Conflict, Some(&Key::from("k"))));
        let newer = right.close().unwrap();
        assert!(newer > version);
        assert_eq!(
            dict.set_if_version("k", bytes(1, 1).into(), version, Ttl::Default)
                .err()
                .map(|e| e.kind()),
            Some(ErrorKind::Conflict)
        );
        dict.set_if_version("k", bytes(1, 1).into(), newer, Ttl::Default).unwrap();
    }
    file.await_left(0, 0);
}

#[test]
fn a_value_lives_from_its_closing_on() {
    let file = File::new();
    let dict = file.open();
    let mut writer = dict.write_value("k", Ttl::After(Duration::from_secs(60))).unwrap();
    writer.write(&bytes(2 * CHUNK_BYTES, 1)).unwrap();
    file.clock.advance(50_000);
    writer.close().unwrap();
    file.clock.advance(59_000);
    assert!(dict.contains("k").unwrap());
    let mut reader = dict.read_value("k").unwrap();
    reader.read_some(10).unwrap();
    file.clock.advance(1_000);
    assert_eq!(dict.get("k").unwrap(), None);
    assert_eq!(kind(dict.read_value("k")), ErrorKind::KeyMissing);
    assert_eq!(kind(reader.read_some(10)), ErrorKind::Conflict);
    // It is swept, and its chunks are freed.
    file.await_left(0, 0);
}

#[test]
fn what_cannot_be_is_refused_at_once() {
    let file = File::new();
    let dict = file.open();
    dict.set("k", b"v").unwrap();
    let json = dict.table("json", Some(StorageMode::Json)).unwrap();
    let e = json.write_value("k", Ttl::Default).err().unwrap();
    assert_eq!(e.kind(), ErrorKind::Codec);
    assert!(e.message().contains("storage_mode \"bytes\""), "{e}");
    assert_eq!(kind(json.read_value("k")), ErrorKind::Codec);
    assert_eq!(kind(dict.read_value("absent")), ErrorKind::KeyMissing);
    put(&dict, "large", &bytes(2 * CHUNK_BYTES, 1));
    json.close().unwrap();
    dict.close().unwrap();

    let options = Options { read_only: true, ..file.options() };
    let dict = Dict::open(&file.path, &options).unwrap();
    assert_eq!(kind(dict.write_value("k", Ttl::Default)), ErrorKind::ReadOnly);
    assert!(read_all(dict.read_value("large").unwrap()).unwrap() == bytes(2 * CHUNK_BYTES, 1));
    assert!(dict.get("large").unwrap().unwrap()[..] == bytes(2 * CHUNK_BYTES, 1)[..]);
}

#[test]
fn the_store_is_closed_while_a_value_is_written() {
    let file = File::new();
    let dict = file.open();
    dict.set("k", b"old").unwrap();
    let mut writer = dict.write_value("k", Ttl::Default).unwrap();
    writer.write(&bytes(3 * CHUNK_BYTES, 1)).unwrap();
    let mut reader = dict.read_value("k").unwrap();
    dict.close().unwrap();
    let failed = writer.write(&bytes(3 * CHUNK_BYTES, 1)).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Closed);
    assert!(failed.message().contains("not stored"), "{failed}");
    assert_eq!(kind(writer.close()), ErrorKind::Closed);
    // An ordinary value was read whole.
    assert_eq!(reader.read_some(10).unwrap(), b"old");

    let dict = file.open();
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"old"[..]));
    file.await_left(0, 0);
    put(&dict, "large", &bytes(3 * CHUNK_BYTES, 1));
    let mut reader = dict.read_value("large").unwrap();
    reader.read_some(10).unwrap();
    dict.close().unwrap();
    assert_eq!(kind(reader.read_some(10)), ErrorKind::Closed);
}

#[test]
fn a_durable_handle_and_a_handle_in_memory() {
    for (mode, path) in [(PersistMode::Durable, None), (PersistMode::Memory, Some(":memory:"))] {
        let file = File::new();
        let options = Options { persist_mode: mode, ..file.options() };
        let dict = Dict::open(path.map_or(file.path.clone(), PathBuf::from), &options).unwrap();
        let data = bytes(4 * CHUNK_BYTES + 5, 9);
        put(&dict, "k", &data);
        assert!(dict.get("k").unwrap().unwrap()[..] == data[..]);
        drop::<ValueWriter>(dict.write_value("k", Ttl::Never).unwrap());
        assert!(read_all(dict.read_value("k").unwrap()).unwrap() == data);
    }
}
