//! The fault model, sentence by sentence.

use std::collections::BTreeSet;

use super::super::names::{self, Mode, OpenNode};
use super::*;

const CREATE: Mode = Mode { create: true, exclusive: false };
const SECTOR: usize = record::SECTOR;

fn open(disk: &Disk, side: &str) -> Result<OpenNode, c_int> {
    names::open(format!("{}{side}", disk.name()).as_bytes(), CREATE)
}

fn write(file: &OpenNode, bytes: &[u8], at: usize) -> Result<usize, c_int> {
    file.node.run(Op::Write(bytes, at))
}

fn sync(file: &OpenNode) -> Result<usize, c_int> {
    file.node.run(Op::Sync)
}

/// What is in a file; nothing when it is not there.
fn content(disk: &Disk, side: &str) -> Option<Vec<u8>> {
    let name = format!("{}{side}", disk.name());
    let node = Arc::clone(names::files_of(disk.name().as_bytes()).get(name.as_bytes())?);
    let len = node.apply(Op::Len).unwrap();
    Some(node.copy(0, len))
}

/// A disk with one file whose name is safe and whose first three sectors are synced.
fn with_three_sectors(seed: u64) -> (Disk, OpenNode) {
    let disk = Disk::new(seed);
    let file = open(&disk, "").unwrap();
    write(&file, &[1; 3 * SECTOR], 0).unwrap();
    sync(&file).unwrap();
    file.node.place().unwrap().sync_directory();
    (disk, file)
}

#[test]
fn what_was_synced_is_there_after_every_cut() {
    for seed in 0..50 {
        let (disk, file) = with_three_sectors(seed);
        for loss in Loss::ALL {
            assert_eq!(content(&disk.after_cut(seed, loss), "").unwrap(), [1; 3 * SECTOR]);
        }
        drop(file);
    }
}

#[test]
fn what_was_not_synced_is_lost_in_every_combination() {
    // The later of two writes may be there without the earlier one: nothing orders them but a sync.
    let (disk, file) = with_three_sectors(1);
    write(&file, &[2; SECTOR], 0).unwrap();
    write(&file, &[3; SECTOR], 2 * SECTOR).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let found = content(&disk.after_cut(seed, Loss::Scattered), "").unwrap();
        assert_eq!(found[SECTOR..2 * SECTOR], [1; SECTOR], "nobody wrote there");
        let whole = |sector: usize| -> Option<u8> {
            let bytes = &found[sector * SECTOR..][..SECTOR];
            bytes.iter().all(|byte| *byte == bytes[0]).then_some(bytes[0])
        };
        seen.insert((whole(0), whole(2)));
    }
    for both in [(1, 1), (1, 3), (2, 1), (2, 3)] {
        assert!(seen.contains(&(Some(both.0), Some(both.1))), "{both:?}");
    }
    assert!(seen.iter().any(|(first, _)| first.is_none()), "some are torn");
    assert_eq!(content(&disk.after_cut(1, Loss::Everything), "").unwrap(), [1; 3 * SECTOR]);
    let all = content(&disk.after_cut(1, Loss::Nothing), "").unwrap();
    assert_eq!((all[0], all[2 * SECTOR]), (2, 3));
}

#[test]
fn a_torn_sector_leaves_its_neighbours_bytes_alone() {
    // Powersafe overwrite: only what was written is in danger, to the byte.
    let (disk, file) = with_three_sectors(2);
    write(&file, &[9; 100], SECTOR + 50).unwrap();
    let mut torn = 0;
    for seed in 0..300 {
        let found = content(&disk.after_cut(seed, Loss::Scattered), "").unwrap();
        let (before, rest) = found.split_at(SECTOR + 50);
        assert!(before.iter().chain(&rest[100..]).all(|byte| *byte == 1));
        torn += u32::from(rest[..100].iter().any(|byte| *byte != rest[0]));
    }
    assert!(torn > 5, "{torn}");
}

#[test]
fn a_file_is_as_long_as_it_was_at_some_time() {
    let (disk, file) = with_three_sectors(3);
    file.node.run(Op::Truncate(SECTOR)).unwrap();
    write(&file, &[4; SECTOR], 4 * SECTOR).unwrap();
    let mut lengths = BTreeSet::new();
    for seed in 0..200 {
        let found = content(&disk.after_cut(seed, Loss::Scattered), "").unwrap();
        lengths.insert(found.len() / SECTOR);
    }
    assert_eq!(lengths, BTreeSet::from([1, 3, 5]));
}

#[test]
fn newest_losses_leave_a_moment_that_was() {
    // Everything up to some change is there and nothing after it, across files.
    let disk = Disk::new(4);
    let files = [open(&disk, "").unwrap(), open(&disk, "-wal").unwrap()];
    files.iter().for_each(|file| file.node.place().unwrap().sync_directory());
    for n in 1..=10_u8 {
        write(&files[usize::from(n % 2)], &[n; SECTOR], 0).unwrap();
    }
    let mut seen = BTreeSet::new();
    for seed in 0..400 {
        let cut = disk.after_cut(seed, Loss::Newest);
        let [even, odd] = ["", "-wal"]
            .map(|side| content(&cut, side).and_then(|bytes| bytes.first().copied()).unwrap_or(0));
        // One of them is torn, most often: the write that was under way.
        if even.max(odd) <= 10 {
            seen.insert((even, odd));
        }
    }
    let moments: BTreeSet<_> = (0..=10_u8).map(|n| (n & !1, n.saturating_sub(1) | 1)).collect();
    let whole = seen.intersection(&moments).count();
    assert!(whole > 4, "{seen:?}");
}

#[test]
fn what_a_failed_sync_lost_no_later_one_brings() {
    // fsyncgate: the second sync succeeds and says nothing of it. Only writing it again helps.
    let mut lost = 0;
    for seed in 0..50 {
        let (disk, file) = with_three_sectors(seed);
        write(&file, &[2; SECTOR], 0).unwrap();
        disk.arm(When::Sync(1), What::Io(1));
        assert_eq!(sync(&file), Err(ffi::SQLITE_IOERR_FSYNC));
        assert_eq!(sync(&file), Ok(0));
        assert_eq!(file.node.copy(0, 1), [2], "whoever reads sees it");
        let found = content(&disk.after_cut(seed, Loss::Nothing), "").unwrap();
        lost += u32::from(found[0] == 1);
        write(&file, &[2; SECTOR], 0).unwrap();
        assert_eq!(sync(&file), Ok(0));
        let found = content(&disk.after_cut(seed, Loss::Everything), "").unwrap();
        assert_eq!(found[0], 2);
    }
    assert!((5..45).contains(&lost), "{lost}");
}

#[test]
fn calls_fail_for_as_long_as_they_are_told_to() {
    let (disk, file) = with_three_sectors(5);
    disk.arm(When::Call(2), What::Full(2));
    assert_eq!(write(&file, &[2; 1000], 0), Ok(1000));
    assert_eq!(write(&file, &[3; 1000], 0), Err(ffi::SQLITE_FULL));
    assert_eq!(file.node.run(Op::Truncate(0)), Err(ffi::SQLITE_IOERR_TRUNCATE));
    assert_eq!(write(&file, &[4; 1000], 0), Ok(1000));
    assert_eq!(file.node.run(Op::Len), Ok(3 * SECTOR));
    disk.arm(When::Sync(1), What::Io(5));
    disk.disarm();
    assert_eq!(sync(&file), Ok(0));
}

#[test]
fn when_the_world_stops_nothing_changes_any_more() {
    let (disk, file) = with_three_sectors(6);
    let told = Arc::new(AtomicBool::new(false));
    disk.tell(Arc::clone(&told));
    disk.arm(When::Call(2), What::Stop);
    write(&file, &[2; 10], 0).unwrap();
    assert!(!told.load(Ordering::Acquire));
    assert_eq!(sync(&file), Err(ffi::SQLITE_IOERR_FSYNC));
    assert!(told.load(Ordering::Acquire) && disk.is_stopped());
    assert_eq!(write(&file, &[3; 10], 0), Err(ffi::SQLITE_IOERR_WRITE));
    assert_eq!(file.node.run(Op::Len), Err(ffi::SQLITE_IOERR_FSTAT));
    assert_eq!(open(&disk, "-wal").err(), Some(ffi::SQLITE_CANTOPEN));
    let found = content(&disk.after_cut(1, Loss::Nothing), "").unwrap();
    assert_eq!(found[..11], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
    let found = content(&disk.after_cut(1, Loss::Everything), "").unwrap();
    assert_eq!(found[..2], [1, 1], "the sync may not have been done");
}

#[test]
fn names_are_remembered_when_the_directory_is_synced() {
    let (disk, file) = with_three_sectors(7);
    let log = open(&disk, "-wal").unwrap();
    write(&log, b"log", 0).unwrap();
    sync(&log).unwrap();
    let cut = disk.after_cut(1, Loss::Everything);
    assert_eq!(content(&cut, "-wal"), None, "its bytes are there, its name is not");
    log.node.place().unwrap().sync_directory();
    assert_eq!(content(&disk.after_cut(1, Loss::Everything), "-wal").unwrap(), b"log");
    names::delete(format!("{}-wal", disk.name()).as_bytes(), false).unwrap();
    assert_eq!(content(&disk, "-wal"), None);
    let back = disk.after_cut(1, Loss::Everything);
    assert_eq!(content(&back, "-wal").unwrap(), b"log", "it may come back");
    assert_eq!(content(&disk.after_cut(1, Loss::Nothing), "-wal"), None);
    drop(file);
}

#[test]
fn a_kill_loses_nothing_and_syncs_nothing() {
    let (disk, file) = with_three_sectors(8);
    write(&file, &[2; 10], 0).unwrap();
    disk.stop();
    let next = disk.after_kill(1);
    assert_eq!(content(&next, "").unwrap()[..11], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
    let cut = next.after_cut(1, Loss::Everything);
    assert_eq!(content(&cut, "").unwrap()[..2], [1, 1], "the next process has to sync it");
    let file = open(&next, "").unwrap();
    sync(&file).unwrap();
    assert_eq!(content(&next.after_cut(1, Loss::Everything), "").unwrap()[..2], [2, 2]);
}

#[test]
fn a_disk_goes_with_its_files() {
    let (disk, file) = with_three_sectors(9);
    let (node, name) = (Arc::downgrade(&file.node), disk.name().to_owned());
    drop(disk);
    assert!(names::is_on_disk(&name), "it is open");
    drop(file);
    assert!(!names::is_on_disk(&name) && node.upgrade().is_none());
}
