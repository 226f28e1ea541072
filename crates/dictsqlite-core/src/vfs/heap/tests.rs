//! The parts under the C methods, each by itself.

use std::mem::MaybeUninit;

use rusqlite::{Connection, OpenFlags, ffi};

use super::lock::{FileLock, Level};
use super::names::{self, Mode, watch};
use super::node::{CHUNK, Node, Op};
use super::shm::{Held, Kind, REGION, Shm};
use super::{HEAP_VFS, private_name, register_heap};

const CREATE: Mode = Mode { create: true, exclusive: false };
const EXISTING: Mode = Mode { create: false, exclusive: false };
const BUSY: Result<(), i32> = Err(ffi::SQLITE_BUSY);

fn write(node: &Node, bytes: &[u8], at: usize) {
    assert_eq!(node.run(Op::Write(bytes, at)), Ok(bytes.len()));
}

/// The bytes from an offset on, and how many of them the file had.
fn read(node: &Node, at: usize, len: usize) -> (Vec<u8>, usize) {
    let mut buffer = vec![MaybeUninit::new(0xEE); len];
    let had = node.run(Op::Read(&mut buffer, at)).expect("reads");
    // SAFETY: every byte was written when the buffer was made.
    let bytes = buffer.iter().map(|byte| unsafe { byte.assume_init() });
    (bytes.collect(), had)
}

#[test]
fn bytes_are_those_of_one_long_vector() {
    // WAL frames are 4,120 bytes, so they straddle chunks; holes and cut-off tails must read as
    // zeros.
    let node = Node::default();
    let mut model = Vec::new();
    let around = [0, 1, 24, CHUNK - 1, CHUNK, CHUNK + 7, 2 * CHUNK - 3, 3 * CHUNK];
    for (step, &at) in around.iter().rev().chain(&around).enumerate() {
        let len = [1, 4120, CHUNK, 2 * CHUNK + 5][step % 4];
        if step % 5 == 4 {
            model.resize(at, 0);
            assert_eq!(node.run(Op::Truncate(at)), Ok(at));
        } else {
            let bytes = vec![step as u8 + 1; len];
            model.resize(model.len().max(at + len), 0);
            model[at..at + len].copy_from_slice(&bytes);
            write(&node, &bytes, at);
        }
        assert_eq!(node.run(Op::Len), Ok(model.len()));
        assert!(read(&node, 0, model.len()) == (model.clone(), model.len()));
    }
    node.run(Op::Truncate(10)).expect("shrinks");
    node.run(Op::Truncate(CHUNK)).expect("grows");
    assert!(read(&node, 10, CHUNK - 10).0.iter().all(|byte| *byte == 0));
}

#[test]
fn a_read_beyond_the_end_is_short_and_zero_filled() {
    // SQLite relies on the zeros: it reads page 1 of an empty file to learn that it is empty.
    let node = Node::default();
    write(&node, b"abc", 0);
    assert_eq!(read(&node, 1, 4), (b"bc\0\0".to_vec(), 2));
    assert_eq!(read(&node, 9, 2), (vec![0, 0], 0));
    assert_eq!(read(&node, usize::MAX, 1), (vec![0], 0));
}

#[test]
fn a_write_without_room_changes_nothing() {
    // The disk-full path of a store in memory: the error is the caller's to handle, the file stays
    // as it was.
    let node = Node::default();
    write(&node, b"kept", 0);
    for at in [usize::MAX, usize::MAX - CHUNK] {
        assert_eq!(node.run(Op::Write(b"lost", at)), Err(ffi::SQLITE_FULL));
    }
    assert_eq!(read(&node, 0, 5), (b"kept\0".to_vec(), 4));
}

#[test]
fn a_waiting_writer_lets_no_new_reader_in() {
    // A stream of readers must not starve a writer in rollback mode: that is what PENDING is for.
    let lock = FileLock::default();
    let (mut writer, mut reader, mut late) = Default::default();
    lock.raise(&mut reader, Level::Shared).expect("free");
    lock.raise(&mut writer, Level::Shared).expect("shared");
    lock.raise(&mut writer, Level::Reserved).expect("no other writer");
    assert!(lock.is_reserved());
    assert_eq!(lock.raise(&mut reader, Level::Reserved), BUSY);
    assert_eq!(lock.raise(&mut writer, Level::Exclusive), BUSY);
    assert_eq!(writer, Level::Pending);
    assert_eq!(lock.raise(&mut late, Level::Shared), BUSY);
    lock.lower(&mut reader, Level::None);
    assert_eq!(lock.raise(&mut writer, Level::Exclusive), Ok(()));
    lock.lower(&mut writer, Level::Shared);
    assert!(!lock.is_reserved());
    assert_eq!(lock.raise(&mut late, Level::Shared), Ok(()));
}

#[test]
fn a_refused_jump_from_shared_leaves_no_trace() {
    // Closing a WAL database tries SHARED to EXCLUSIVE; others that are still there must not
    // notice.
    let lock = FileLock::default();
    let (mut closing, mut other, mut late) = Default::default();
    lock.raise(&mut closing, Level::Shared).expect("free");
    lock.raise(&mut other, Level::Shared).expect("shared");
    assert_eq!(lock.raise(&mut closing, Level::Exclusive), BUSY);
    assert_eq!(closing, Level::Shared);
    assert_eq!(lock.raise(&mut late, Level::Shared), Ok(()));
    assert_eq!(lock.raise(&mut other, Level::Reserved), Ok(()));
}

#[test]
fn shared_memory_locks_are_all_or_none() {
    // Recovery takes a range of locks at once; a refusal must not leave half of them behind.
    let shm = Shm::default();
    let (mut a, mut b) = (shm.connect(), shm.connect());
    let lock = |held: &mut Held, range, kind| shm.lock(held, range, kind);
    assert_eq!(lock(&mut a, 4..5, Kind::Shared), Ok(()));
    assert_eq!(lock(&mut b, 4..5, Kind::Shared), Ok(()));
    assert_eq!(lock(&mut b, 1..8, Kind::Exclusive), BUSY);
    assert_eq!(lock(&mut a, 1..4, Kind::Exclusive), Ok(()));
    assert_eq!(lock(&mut b, 3..4, Kind::Shared), BUSY);
    shm.unlock(&mut a, 4..5, Kind::Shared);
    assert_eq!(lock(&mut a, 4..5, Kind::Exclusive), BUSY);
    shm.unlock(&mut b, 4..5, Kind::Shared);
    assert_eq!(lock(&mut b, 4..8, Kind::Exclusive), Ok(()));
    assert!(lock(&mut a, 7..9, Kind::Shared).is_err());
    // What `b` still holds is free once it leaves.
    shm.disconnect(b);
    assert_eq!(lock(&mut a, 4..8, Kind::Exclusive), Ok(()));
    shm.disconnect(a);
}

#[test]
fn regions_stay_in_place_and_go_with_the_last_connection() {
    // SQLite keeps the addresses for as long as it is connected, while others extend the memory.
    let shm = Shm::default();
    let (a, b) = (shm.connect(), shm.connect());
    assert!(shm.region(0, false).expect("nothing to do").is_null());
    let first = shm.region(0, true).expect("memory").cast::<u64>();
    assert!(first.is_aligned());
    // SAFETY: a region is that long, and nobody else has its address.
    unsafe {
        assert!((0..REGION / 8).all(|word| first.add(word).read() == 0));
        first.write(7);
    }
    shm.region(300, true).expect("memory");
    shm.disconnect(a);
    assert_eq!(shm.region(0, false), Ok(first.cast()));
    shm.disconnect(b);
    let c = shm.connect();
    assert_eq!(shm.region(0, false), Ok(std::ptr::null_mut()));
    shm.disconnect(c);
}

#[test]
fn a_deleted_file_lives_on_for_those_who_have_it_open() {
    // As on a disk: a new file of the same name is another file.
    let name = private_name();
    let name = name.as_bytes();
    assert_eq!(names::open(name, EXISTING).err(), Some(ffi::SQLITE_CANTOPEN));
    let old = names::open(name, CREATE).expect("new");
    write(&old.node, b"old", 0);
    assert!(names::exists(name));
    assert_eq!(names::delete(name, false), Ok(()));
    assert!(!names::exists(name));
    assert_eq!(names::delete(name, false), Err(ffi::SQLITE_IOERR_DELETE_NOENT));
    let new = names::open(name, CREATE).expect("another");
    assert_eq!(new.node.run(Op::Len), Ok(0));
    assert_eq!(read(&old.node, 0, 3), (b"old".to_vec(), 3));
}

#[test]
fn side_files_live_as_long_as_their_database() {
    // A connection may leave commits in the WAL and go, while another has the database open but has
    // not read yet.
    let main = private_name();
    let wal = format!("{main}-wal");
    let holder = names::open(main.as_bytes(), CREATE).expect("new");
    let writer = names::open(wal.as_bytes(), CREATE).expect("new");
    write(&writer.node, b"commits", 0);
    drop(writer);
    let again = names::open(wal.as_bytes(), EXISTING).expect("still there");
    assert_eq!(again.node.run(Op::Len), Ok(7));
    drop(holder);
    assert!(watch(&main).is_some());
    drop(again);
    assert!(watch(&main).is_none() && watch(&wal).is_none());
}

#[test]
fn closing_gives_up_shared_memory_that_sqlite_did_not_map_itself() -> rusqlite::Result<()> {
    // Reading the WAL-index header from outside maps it on a connection whose pager knows nothing of
    // it, so SQLite will not unmap it at close.
    register_heap().expect("the VFS registers");
    let name = private_name();
    let open = || Connection::open_with_flags_and_vfs(&name, OpenFlags::default(), HEAP_VFS);
    let (writer, pin) = (open()?, open()?);
    writer.busy_timeout(std::time::Duration::ZERO)?;
    writer.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t(key)")?;
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    let mut header = std::ptr::null_mut();
    // SAFETY: the connection is open and used by this thread alone; its file is one of ours, so it
    // has these methods.
    let codes = unsafe {
        let request = ffi::SQLITE_FCNTL_FILE_POINTER;
        let out = (&raw mut file).cast();
        let found = ffi::sqlite3_file_control(pin.handle(), c"main".as_ptr(), request, out);
        let methods = (*file).pMethods;
        let map = (*methods).xShmMap.expect("has shared memory");
        let lock = (*methods).xShmLock.expect("has shared memory");
        let exclusive = ffi::SQLITE_SHM_LOCK | ffi::SQLITE_SHM_EXCLUSIVE;
        let unmapped = lock(file, 0, 1, exclusive);
        let mapped = map(file, 0, REGION as i32, 0, &raw mut header);
        (found, unmapped, mapped, lock(file, 0, 1, exclusive))
    };
    assert_eq!(codes, (0, ffi::SQLITE_IOERR_SHMLOCK, 0, 0));
    assert!(!header.is_null());
    assert!(writer.execute_batch("INSERT INTO t VALUES (1)").is_err());
    drop(pin);
    writer.execute_batch("INSERT INTO t VALUES (1)")
}
