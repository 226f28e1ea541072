//! Who waits for what, and who is told of which failure.

use std::sync::Arc;
use std::thread;

use super::*;

#[test]
fn who_waits_is_told_in_the_order_of_acceptance() {
    // A later write must not be known to be safe before an earlier one is.
    let table = Arc::new(Table::new(CAP, clock()));
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        move |result: Result<()>| order.lock().push((name, result.is_ok()))
    };
    let Admitted::Wait(first) = put(&table, "a", "", &durable()) else { panic!("waits") };
    first.on_done(note("a"));
    let work = table.next_work().unwrap();
    let Admitted::Wait(second) = put(&table, "b", "", &durable()) else { panic!("waits") };
    second.on_done(note("b"));
    table.flush(later()).on_done(note("flush"));
    table.committed(work, None);
    assert_eq!(*order.lock(), [("a", true)], "only what this commit covers");
    let work = table.next_work().unwrap();
    let is_durable = |step: &Step<_>| matches!(step, Step::Segment(s) if s.is_durable());
    assert!(work.steps.iter().all(is_durable));
    table.committed(work, None);
    assert_eq!(*order.lock(), [("a", true), ("b", true), ("flush", true)]);
}

#[test]
fn a_failure_that_will_pass_is_waited_out_and_others_are_told() {
    // Busy passes by itself; a full disk may not, so whoever waits hears of it, and it is retried.
    let table = Table::new(CAP, clock());
    put(&table, "a", "", &lazy());
    let flush = table.flush(later());
    let work = table.next_work().unwrap();
    table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO);
    assert!(!flush.is_done());
    let work = table.next_work().unwrap();
    table.failed(work, &failure(ErrorKind::Full), Duration::ZERO);
    assert_eq!(flush.wait().unwrap_err().kind(), ErrorKind::Full);
    assert_eq!(told(&table.next_work().unwrap()), ["a="]);
}

#[test]
fn every_flush_of_a_commit_hears_of_the_row_it_had_to_drop() {
    // Two durable writers shared a commit and one of their rows was refused: the one whose row it
    // was must not be told that it is safe, whoever came first.
    let table = Table::new(CAP, clock());
    let Admitted::Wait(good) = put(&table, "good", "", &durable()) else { panic!("waits") };
    let Admitted::Wait(bad) = put(&table, "bad", "", &durable()) else { panic!("waits") };
    let work = table.next_work().unwrap();
    table.committed(work, Some(failure(ErrorKind::Codec)));
    assert_eq!(good.wait().unwrap_err().kind(), ErrorKind::Codec);
    assert_eq!(bad.wait().unwrap_err().kind(), ErrorKind::Codec);
    table.flush(later()).wait().unwrap();
}

#[test]
fn a_dropped_row_is_told_once_to_a_flush_or_a_write_and_never_to_a_read() {
    // Reads need a barrier before they look; it is not theirs to take the news.
    let table = Table::new(CAP, clock());
    put(&table, "bad", "", &lazy());
    let barrier = table.barrier(later());
    let work = table.next_work().unwrap();
    table.committed(work, Some(failure(ErrorKind::Codec)));
    barrier.wait().unwrap();
    table.barrier(later()).wait().unwrap();
    assert_eq!(table.flush(later()).wait().unwrap_err().kind(), ErrorKind::Codec);
    table.flush(later()).wait().unwrap();
}

#[test]
fn a_flush_after_a_dropped_row_still_waits_for_what_came_later() {
    // It raises, but not before everything accepted is committed.
    let table = Table::new(CAP, clock());
    put(&table, "bad", "", &Admission { interval: Duration::ZERO, ..lazy() });
    let work = table.next_work().unwrap();
    put(&table, "good", "", &lazy());
    table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO);
    let flush = table.flush(later());
    assert!(!flush.is_done());
    let work = table.next_work().unwrap();
    table.committed(work, Some(failure(ErrorKind::Codec)));
    assert!(!flush.is_done());
    let work = table.next_work().unwrap();
    table.committed(work, None);
    assert_eq!(flush.wait().unwrap_err().kind(), ErrorKind::Codec);
}

#[test]
fn a_short_flush_interval_is_kept_beside_a_long_one() {
    // Two handles of one store: the promise of the hasty one must not wait for the patient one's.
    let table = Arc::new(Table::new(CAP, clock()));
    let writer = {
        let table = Arc::clone(&table);
        thread::spawn(move || told(&table.next_work().unwrap()))
    };
    put(&table, "patient", "", &lazy());
    thread::sleep(Duration::from_millis(20));
    let hasty = Admission { interval: Duration::from_millis(20), ..lazy() };
    put(&table, "hasty", "", &hasty);
    let start = Instant::now();
    while !writer.is_finished() && start.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(5));
    }
    let in_time = writer.is_finished();
    drop(table.flush(later()));
    assert_eq!(writer.join().unwrap(), ["patient=", "hasty="]);
    assert!(in_time, "it was committed only when somebody flushed");
}

#[test]
fn lazy_writes_wait_for_their_interval_and_no_longer() {
    // Group commit: nothing is due at once, and nothing is due never.
    let table = Table::new(CAP, clock());
    let interval = Duration::from_millis(60);
    let start = Instant::now();
    put(&table, "a", "", &Admission { interval, ..lazy() });
    assert_eq!(told(&table.next_work().unwrap()), ["a="]);
    assert!(start.elapsed() >= interval && start.elapsed() < Duration::from_secs(5));
}

#[test]
fn after_a_stop_nothing_is_accepted_and_everything_before_is_handed_out() {
    // Closing loses nothing that was acknowledged.
    let table = Table::new(1 << 16, clock());
    let large = "x".repeat(60_000);
    put(&table, "a", &large, &lazy());
    let room = put_late(&table, "b", &large, &lazy());
    table.stop(later());
    assert_eq!(room.wait().unwrap_err().kind(), ErrorKind::Closed);
    let refused = table.put((b"c", None, 0), &lazy()).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    assert_eq!(table.command("late", later()).unwrap_err().1.kind(), ErrorKind::Closed);
    let work = table.next_work().unwrap();
    assert_eq!(work.steps.len(), 1);
    table.committed(work, None);
    assert!(table.next_work().is_none());
}

#[test]
fn a_stop_gives_up_when_commits_fail_beyond_its_deadline() {
    // Another process holds the lock for ever: the end of this one must not wait for it.
    let table = Table::new(CAP, clock());
    put(&table, "a", "", &lazy());
    table.command("c", later()).unwrap();
    let flush = table.flush(later());
    table.stop(Instant::now());
    let work = table.next_work().unwrap();
    assert_eq!(table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO), ["c"]);
    assert_eq!(flush.wait().unwrap_err().kind(), ErrorKind::Busy);
    assert!(table.next_work().is_none());
}

#[test]
fn nobody_waits_for_a_writer_that_is_gone() {
    // It panicked: flushes, room seekers and commands are all answered.
    let table = Table::new(1 << 16, clock());
    let large = "x".repeat(60_000);
    put(&table, "a", &large, &lazy());
    let room = put_late(&table, "b", &large, &lazy());
    let flush = table.flush(later());
    table.command("c", later()).unwrap();
    assert_eq!(table.abandon(&failure(ErrorKind::Internal)), ["c"]);
    assert_eq!(flush.wait().unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(room.wait().unwrap_err().kind(), ErrorKind::Internal);
    assert!(table.put((b"c", None, 0), &lazy()).is_err());
}

#[test]
fn what_comes_after_a_failed_commit_is_gathered_until_that_one_succeeds() {
    // While another process held the lock, every attempt sealed one segment more, and every read had
    // to look through all of them: after a minute, through six hundred.
    let table = Table::new(CAP, clock());
    put(&table, "front", "", &lazy());
    let flush = table.flush(later());
    let mut work = table.next_work().unwrap();
    for n in 0..100 {
        put(&table, &format!("behind{n}"), "", &lazy());
        put(&table, "again", &n.to_string(), &lazy());
        table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO);
        work = table.next_work().unwrap();
        assert_eq!(told(&work), ["front="]);
        assert_eq!(table.inner.lock().sealed.len(), 1);
    }
    assert_eq!(table.backlog().0, 201);
    // Whoever asks for a commit of what is behind gets it right after that of the front.
    let rest = table.flush(later());
    table.committed(work, None);
    assert!(flush.is_done() && !rest.is_done());
    let work = table.next_work().unwrap();
    assert_eq!(told(&work).len(), 101);
    table.committed(work, None);
    assert!(rest.is_done() && table.is_empty());
    assert_eq!(table.backlog().0, 0);
}

#[test]
fn a_command_behind_a_failed_commit_is_tried_with_it() {
    // It may share the transaction, and its deadline runs.
    let table = Table::new(CAP, clock());
    put(&table, "front", "", &lazy());
    let work = take_now(&table);
    table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO);
    put(&table, "behind", "", &lazy());
    table.command("pop:x", later()).unwrap();
    put(&table, "last", "", &lazy());
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["front=", "behind=", "!pop:x"]);
    assert_eq!(table.committed(work, None), ["pop:x"]);
    assert_eq!(told(&take_now(&table)), ["last="]);
}
