//! What is acknowledged after a sync has failed.

use super::*;
use crate::sqlite::WriteConnection;
use crate::vfs::{Disk, Loss, What, When};
use crate::{TransactionMode, TransactionOptions};

const SEEDS: u64 = 24;
/// More than a scan reads at first.
const ROWS: i64 = 300;

fn opened(disk: &Disk, mode: PersistMode) -> Dict {
    let options = Options {
        persist_mode: mode,
        flush_interval: Duration::from_secs(3600),
        ..Options::default()
    };
    Dict::open(disk.name(), &options).unwrap()
}

/// The world stops, and everything that was in memory is gone.
fn stopped(disk: &Disk, store: &Arc<crate::store::Store>, dicts: Vec<Dict>) {
    disk.tell(Arc::clone(&store.state.opener.misplaced));
    disk.stop();
    for dict in dicts {
        let _ = dict.close();
    }
    let _ = store.release(Instant::now() + EXIT_LIMIT);
}

#[test]
fn a_durable_write_does_not_stand_on_commits_that_a_failed_sync_lost() {
    // Found by simulation. A lazy commit was in the log, not synced. The sync of a durable one failed,
    // and the system forgot the pages of both. SQLite wrote the second again and synced that; then
    // the power went, and the log ended before the first: a write that had been acknowledged as
    // durable was gone.
    for seed in 0..SEEDS {
        let disk = Disk::new(seed);
        let (lazy, durable) =
            (opened(&disk, PersistMode::Lazy), opened(&disk, PersistMode::Durable));
        let store = open(disk.name().as_ref(), &Options::default()).unwrap();
        lazy.set("lazy", &[1; 2000]).unwrap();
        lazy.flush().unwrap();
        disk.arm(When::Sync(1), What::Io(1));
        let refused = durable.set("durable", &[2; 2000]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Io, "{refused}");
        assert!(refused.message().contains("kept"), "{refused}");
        durable.flush_durable().unwrap();
        stopped(&disk, &store, vec![lazy, durable]);
        for loss in [Loss::Everything, Loss::Scattered] {
            let left = disk.after_cut(seed, loss);
            let dict = opened(&left, PersistMode::Lazy);
            assert!(dict.get("durable").unwrap().is_some(), "seed {seed}, {loss:?}");
            assert!(dict.get("lazy").unwrap().is_some(), "seed {seed}, {loss:?}");
        }
    }
}

#[test]
fn nothing_is_durable_while_syncs_fail() {
    // Each attempt begins with all that may have been lost, and ends with a sync of its own.
    let disk = Disk::new(1);
    let durable = opened(&disk, PersistMode::Durable);
    disk.arm(When::Sync(1), What::Io(1000));
    for n in 0..5 {
        assert_eq!(durable.set(n, b"v").unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(durable.get(n).unwrap().as_deref(), Some(&b"v"[..]), "it is accepted");
    }
    disk.disarm();
    durable.flush_durable().unwrap();
    assert_eq!(durable.len().unwrap(), 5);
    durable.close().unwrap();
}

#[test]
fn pages_that_a_failed_sync_lost_are_moved_again_before_the_log_is_reused() {
    // SQLite syncs the database only when all of the log is in it. What an earlier checkpoint had
    // moved was then lost by the sync that failed, and the next checkpoint moved only the rest.
    for seed in 0..SEEDS {
        let disk = Disk::new(seed);
        let dict = opened(&disk, PersistMode::Lazy);
        let store = open(disk.name().as_ref(), &Options::default()).unwrap();
        let mut checkpoints = WriteConnection::open(&store.state.opener).unwrap();
        for n in 0..ROWS {
            dict.set(n, &[1; 300]).unwrap();
        }
        dict.flush_durable().unwrap();
        let consistent = ScanOptions { consistent: true, ..ScanOptions::default() };
        let mut scan = dict.scan(&consistent).unwrap();
        scan.next().unwrap().unwrap();
        dict.set("later", b"v").unwrap();
        dict.flush_durable().unwrap();
        // As far as the scan lets it, so the database is not synced.
        checkpoints.checkpoint().unwrap();
        drop(scan);
        // The log first, then the database.
        disk.arm(When::Sync(2), What::Io(1));
        assert_eq!(checkpoints.checkpoint().unwrap_err().kind(), ErrorKind::Io);
        checkpoints.checkpoint().unwrap();
        // The log begins anew.
        dict.set("last", b"v").unwrap();
        dict.flush_durable().unwrap();
        assert!(store.state.stamps.live().frames() < 10, "the log was started again");
        drop(checkpoints);
        stopped(&disk, &store, vec![dict]);
        let left = disk.after_cut(seed, Loss::Everything);
        let dict = opened(&left, PersistMode::Lazy);
        for n in 0..ROWS {
            let found = dict.get(n).unwrap();
            assert_eq!(found.as_deref(), Some(&[1; 300][..]), "seed {seed}, key {n}");
        }
        assert_eq!(dict.len().unwrap(), ROWS as u64 + 2, "seed {seed}");
    }
}

#[test]
fn a_store_that_is_closed_in_doubt_mends_its_log_first() {
    // Closing checkpoints as well, and then deletes the log.
    for seed in 0..SEEDS {
        let disk = Disk::new(seed);
        let dict = opened(&disk, PersistMode::Lazy);
        let store = open(disk.name().as_ref(), &Options::default()).unwrap();
        let mut checkpoints = WriteConnection::open(&store.state.opener).unwrap();
        dict.set("k", &[1; 3000]).unwrap();
        dict.flush().unwrap();
        disk.arm(When::Sync(1), What::Io(1));
        assert_eq!(checkpoints.checkpoint().unwrap_err().kind(), ErrorKind::Io);
        drop(checkpoints);
        store.release(Instant::now() + EXIT_LIMIT).unwrap();
        let calls = disk.counted().1;
        dict.close().unwrap();
        assert!(disk.counted().1 > calls + 1, "the log and the database were synced");
        disk.stop();
        let dict = opened(&disk.after_cut(seed, Loss::Scattered), PersistMode::Lazy);
        assert_eq!(dict.get("k").unwrap().as_deref(), Some(&[1; 3000][..]), "seed {seed}");
    }
}

#[test]
fn a_log_that_was_left_behind_is_not_written_over() {
    // Found by simulation. After a power cut the log was written again in its places as well; when the
    // power went once more while that was done, it tore what had been safe for long.
    for seed in 0..SEEDS {
        let first = Disk::new(seed);
        let dict = opened(&first, PersistMode::Durable);
        let store = open(first.name().as_ref(), &Options::default()).unwrap();
        for n in 0..8 {
            dict.set(n, &[1; 500]).unwrap();
        }
        stopped(&first, &store, vec![dict]);
        let left = first.after_cut(seed, Loss::Nothing);
        let dict = opened(&left, PersistMode::Lazy);
        let store = open(left.name().as_ref(), &Options::default()).unwrap();
        left.arm(When::Call(1 + seed), What::Stop);
        dict.set("k", b"v").unwrap();
        // Whether that comes to its end before the world does is all the same.
        let _ = dict.flush();
        stopped(&left, &store, vec![dict]);
        let dict = opened(&left.after_cut(seed, Loss::Scattered), PersistMode::Lazy);
        for n in 0..8 {
            let found = dict.get(n).unwrap();
            assert_eq!(found.as_deref(), Some(&[1; 500][..]), "seed {seed}, key {n}");
        }
    }
}

#[test]
fn a_store_that_could_not_close_in_peace_is_taken_over() {
    // Closing syncs the log, moves it and tells nobody when that fails. The pages lost by that sync were
    // not written again by anybody, and the next durable write stood on them.
    for seed in 0..SEEDS {
        let disk = Disk::new(seed);
        let dict = opened(&disk, PersistMode::Lazy);
        dict.set("lazy", &[1; 2000]).unwrap();
        dict.flush().unwrap();
        disk.arm(When::Sync(1), What::Io(1));
        dict.close().unwrap();
        let dict = opened(&disk, PersistMode::Durable);
        let store = open(disk.name().as_ref(), &Options::default()).unwrap();
        dict.set("durable", b"v").unwrap();
        stopped(&disk, &store, vec![dict]);
        let dict = opened(&disk.after_cut(seed, Loss::Everything), PersistMode::Lazy);
        assert!(dict.get("durable").unwrap().is_some(), "seed {seed}");
        assert!(dict.get("lazy").unwrap().is_some(), "seed {seed}");
    }
}

#[test]
fn an_immediate_transaction_that_a_failed_sync_refused_never_was() {
    // It is not tried again, so its commit, which is whole in the log behind the last frame that counts,
    // must not be there for whoever recovers the log: its owner was told that nothing of it was written.
    for (seed, fails) in (0..SEEDS).flat_map(|seed| [(seed, 1), (seed, 1000)]) {
        let disk = Disk::new(seed);
        let (lazy, durable) =
            (opened(&disk, PersistMode::Lazy), opened(&disk, PersistMode::Durable));
        let store = open(disk.name().as_ref(), &Options::default()).unwrap();
        lazy.set("before", &[1; 2000]).unwrap();
        let options = TransactionOptions { mode: TransactionMode::Immediate, ..Default::default() };
        let refused = |tx: crate::Transaction| {
            tx.set("refused", &[2; 2000]).unwrap();
            tx.delete("before").unwrap();
            let error = tx.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            // What could not be taken out of the log was said to be unwritten as well.
            let doubt = error.message().contains("may be found in the file");
            assert_eq!(doubt, fails > 1, "{error}");
            assert_eq!(error.message().contains("was written; begin it again"), !doubt, "{error}");
            assert_eq!(tx.commit().unwrap_err().kind(), ErrorKind::Closed, "it is over");
        };
        let tx = durable.transaction(&options).unwrap();
        disk.arm(When::Sync(1), What::Io(fails));
        refused(tx);
        assert_eq!(lazy.get("refused").unwrap(), None, "seed {seed}");
        assert_eq!((lazy.len().unwrap(), durable.contains("before").unwrap()), (1, true));
        // The process is killed now: what the system has in memory is there.
        let killed = opened(&disk.after_kill(seed), PersistMode::Lazy);
        let there = ["before", "refused"].map(|key| killed.contains(key).unwrap());
        assert_eq!(there, [true, false], "seed {seed}, {fails} failed, killed");
        drop(killed);
        disk.disarm();
        let tx = durable.transaction(&options).unwrap();
        tx.set("after", &[3; 2000]).unwrap();
        tx.commit().unwrap();
        stopped(&disk, &store, vec![lazy, durable]);
        for loss in Loss::ALL {
            let dict = opened(&disk.after_cut(seed, loss), PersistMode::Lazy);
            let there = ["before", "refused", "after"].map(|key| dict.contains(key).unwrap());
            assert_eq!(there, [true, false, true], "seed {seed}, {fails} failed, {loss:?}");
        }
    }
}
