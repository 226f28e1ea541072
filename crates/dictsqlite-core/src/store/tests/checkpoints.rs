//! Who checkpoints.

use super::*;
use std::sync::atomic::Ordering;

#[test]
fn the_writer_finishes_checkpoints_and_does_not_make_them() {
    // Whoever commits waits while the writer checkpoints: with all of it done there, as SQLite does by
    // itself, the 99th of 100 commits took 15 ms instead of 4. A fast disk would hide that, so it is
    // counted who does it.
    let (due, cap) = (50, 1000);
    let file = File::new();
    let dict = file.open(PersistMode::Lazy);
    let store = open(&file.path, &Options::default()).unwrap();
    let chores = &store.state.chores;
    chores.due_frames.store(due, Ordering::Relaxed);
    chores.cap_frames.store(cap, Ordering::Relaxed);
    let (mut frames, mut written, mut random) = (0, 0, fastrand::Rng::with_seed(7));
    while written < u64::from(cap) * 10 {
        let value = vec![random.u8(..); 3000];
        let items: Vec<_> = (0..20).map(|_| (random.i64(..4000), &value)).collect();
        dict.set_many(&items).unwrap();
        dict.flush().unwrap();
        let now = dict.stats().unwrap().wal_frames;
        written += if now < frames { now } else { now - frames };
        frames = now;
    }
    let counters = &store.state.counters;
    let by_writer = counters.writer_checkpoints.load(Ordering::Relaxed);
    let beside = counters.checkpoints.load(Ordering::Relaxed) - by_writer;
    println!("{written} frames, {by_writer} checkpoints by the writer and {beside} beside it");
    assert!(by_writer <= written / u64::from(cap) + 1, "{by_writer} by the writer");
    assert!(beside >= by_writer.max(4), "{beside} beside the writer, {by_writer} by it");
    store.release(Instant::now() + EXIT_LIMIT).unwrap();
}
