//! What is accepted, in which order it is handed to the writer, and who is told when.

mod room;
mod waiting;

use super::*;
use crate::error::ErrorKind;
use crate::types::{KeyBuf, Value};

const CAP: usize = 64 << 20;
const FAR: Duration = Duration::from_secs(3600);

/// Its commands are names; `pop:a` says that key `a` is concerned.
fn clock() -> Arc<dyn Clock> {
    Arc::new(crate::SystemClock)
}

type Table = Memtable<&'static str>;

impl Decision for &'static str {
    fn meets(&self, segment: &Segment) -> bool {
        self.split_once(':').is_some_and(|(_, key)| segment.holds(key.as_bytes()))
    }
}

fn lazy() -> Admission {
    Admission { window: u64::MAX, linger: u64::MAX, interval: FAR, durable: false, timeout: FAR }
}

fn window(buffer_size: u64) -> Admission {
    Admission {
        window: buffer_size - 1,
        linger: (buffer_size / 2).max(1),
        interval: FAR,
        durable: false,
        timeout: FAR,
    }
}

fn durable() -> Admission {
    Admission { window: 0, linger: 1, interval: FAR, durable: true, timeout: FAR }
}

fn value(text: &str) -> Option<Value> {
    Some(Value::from(text.as_bytes()))
}

fn put(table: &Table, key: &str, text: &str, admission: &Admission) -> Admitted {
    table.put((key.as_bytes(), value(text), 0), admission).unwrap()
}

fn owned(key: &str, text: &str) -> OwnedWrite {
    (KeyBuf::from_slice(key.as_bytes()), value(text), 0)
}

/// A write that there is no room for yet.
fn put_late(table: &Table, key: &str, text: &str, admission: &Admission) -> Completion<()> {
    assert!(matches!(put(table, key, text, admission), Admitted::NoRoom));
    let (room, ticket) = table.put_later(vec![owned(key, text)], admission).unwrap();
    assert!(ticket.is_some() && !room.is_done());
    room
}

fn later() -> Instant {
    Instant::now() + FAR
}

fn failure(kind: ErrorKind) -> Error {
    Error::new(kind, "on purpose")
}

/// Everything pending, without waiting for it to be due.
fn take_now(table: &Table) -> Work<&'static str> {
    drop(table.flush(later()));
    table.next_work().unwrap()
}

/// What a transaction would do: `key=value`, `key-` for a delete, `!name` for a command.
fn told(work: &Work<&'static str>) -> Vec<String> {
    let mut told = Vec::new();
    for step in &work.steps {
        match step {
            Step::Command(name, ..) => told.push(format!("!{name}")),
            Step::Segment(segment) => told.extend(segment.iter().map(|(key, pending)| {
                let key = String::from_utf8_lossy(key).into_owned();
                match &pending.value {
                    Some(v) => format!("{key}={}", String::from_utf8_lossy(v)),
                    None => format!("{key}-"),
                }
            })),
        }
    }
    told
}

fn read(table: &Table, key: &str) -> Option<Option<Vec<u8>>> {
    table.get(key.as_bytes()).map(|hit| hit.value.map(|v| v.to_vec()))
}

#[test]
fn a_batch_never_spans_two_segments() {
    // A segment is the unit of a commit, so a batch survives whole or not at all; even one that
    // is larger than a segment should be.
    let table = Table::new(CAP, clock());
    for n in 0..SEAL_KEYS - 1 {
        put(&table, &n.to_string(), "", &lazy());
    }
    let keys: Vec<String> = (0..3 * SEAL_KEYS).map(|n| format!("batch {n}")).collect();
    let writes = keys.iter().map(|k| owned(k, "b")).collect();
    table.put_later(writes, &lazy()).unwrap().0.wait().unwrap();
    put(&table, "after", "", &lazy());
    let work = take_now(&table);
    let of_batch = |step: &Step<_>| match step {
        Step::Segment(s) => s.iter().filter(|(k, _)| k.starts_with(b"batch")).count(),
        Step::Command(..) => 0,
    };
    let counts: Vec<_> = work.steps.iter().map(of_batch).filter(|n| *n > 0).collect();
    assert_eq!(counts, [3 * SEAL_KEYS]);
    assert_eq!(work.steps.len(), 2, "what came after is in the next segment");
}

#[test]
fn a_command_stands_between_the_writes_before_and_after_it() {
    // The order of acceptance is the order of commits.
    let table = Table::new(CAP, clock());
    put(&table, "a", "1", &lazy());
    table.command("pop", later()).unwrap();
    put(&table, "a", "2", &lazy());
    put(&table, "b", "3", &lazy());
    table.command("clear", later()).unwrap();
    assert_eq!(read(&table, "a"), Some(Some(b"2".to_vec())), "readers see the newest");
    let work = take_now(&table);
    assert_eq!(told(&work), ["a=1", "!pop", "a=2", "b=3", "!clear"]);
    assert_eq!(table.committed(work, None), ["pop", "clear"]);
    assert!(table.is_empty());
    assert_eq!(table.backlog(), (0, 0));
}

#[test]
fn a_command_on_a_key_that_is_pending_comes_in_a_commit_of_its_own() {
    // Between the commit and the release of the segment a reader of memory would find the value
    // that the command has replaced already, and time would run backwards for it.
    let table = Table::new(CAP, clock());
    put(&table, "a", "1", &lazy());
    table.command("incr:b", later()).unwrap();
    put(&table, "b", "1", &lazy());
    table.command("incr:a", later()).unwrap();
    put(&table, "a", "2", &lazy());
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["a=1", "!incr:b", "b=1"]);
    table.committed(work, None);
    assert_eq!(read(&table, "a"), Some(Some(b"2".to_vec())));
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["!incr:a", "a=2"]);
    table.committed(work, None);
    assert_eq!(table.backlog(), (0, 0));
}

#[test]
fn a_key_keeps_its_place_until_it_is_deleted() {
    // An overwritten key keeps its place; deleted and put again it gets a new one.
    let table = Table::new(CAP, clock());
    for (key, text) in [("a", Some("1")), ("b", Some("1")), ("a", Some("2")), ("b", None)] {
        let write = (key.as_bytes(), text.and_then(value), 0);
        assert!(matches!(table.put(write, &lazy()).unwrap(), Admitted::Done));
    }
    put(&table, "b", "2", &lazy());
    put(&table, "b", "3", &lazy());
    let work = take_now(&table);
    let [Step::Segment(segment)] = &work.steps[..] else { panic!("one segment") };
    let places: Vec<_> =
        segment.iter().map(|(k, p)| (k.to_vec(), p.place, p.op, p.replaced)).collect();
    assert_eq!(places, [(b"a".to_vec(), 0, 2, false), (b"b".to_vec(), 4, 5, true)]);
    assert_eq!(segment.ops(), 6);
}

#[test]
fn bytes_are_counted_exactly_when_a_key_is_overwritten() {
    // A drift would close the memtable for ever, or open it without bound.
    let table = Table::new(CAP, clock());
    put(&table, "k", &"x".repeat(1000), &lazy());
    let (_, large) = table.backlog();
    put(&table, "k", "", &lazy());
    let (_, small) = table.backlog();
    assert_eq!(large - small, 1000);
    table.put((b"k", None, 0), &lazy()).unwrap();
    table.command("x", later()).unwrap();
    put(&table, "k", &"x".repeat(10), &lazy());
    let work = take_now(&table);
    table.committed(work, None);
    assert_eq!(table.backlog(), (0, 0));
}

#[test]
fn failed_work_goes_back_in_order_and_stays_readable() {
    // The disk was full for a moment: nothing is lost, and later writes still come later.
    let table = Table::new(CAP, clock());
    put(&table, "a", "1", &lazy());
    table.command("one", later()).unwrap();
    put(&table, "a", "2", &lazy());
    let work = take_now(&table);
    put(&table, "a", "3", &lazy());
    let late = table.failed(work, &failure(ErrorKind::Full), Duration::ZERO);
    assert!(late.is_empty());
    assert_eq!(read(&table, "a"), Some(Some(b"3".to_vec())));
    assert_eq!(table.trouble().unwrap().kind(), ErrorKind::Full);
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["a=1", "!one", "a=2"]);
    table.committed(work, None);
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["a=3"]);
    table.committed(work, None);
    assert!(table.trouble().is_none() && table.is_empty());
}

#[test]
fn a_command_whose_deadline_passed_is_answered_and_the_rest_still_commits() {
    // It was never begun, so its caller can be told that it did not happen.
    let table = Table::new(CAP, clock());
    put(&table, "a", "1", &lazy());
    table.command("hasty", Instant::now()).unwrap();
    table.command("patient", later()).unwrap();
    put(&table, "b", "2", &lazy());
    let flush = table.flush(later());
    let work = take_now(&table);
    let late = table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO);
    assert_eq!(late, ["hasty"]);
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["a=1", "!patient", "b=2"]);
    table.committed(work, None);
    flush.wait().unwrap();
    assert_eq!(table.backlog(), (0, 0));
}

#[test]
fn a_flush_behind_nothing_but_a_late_command_ends() {
    // The command leaves a gap in the count of operations; nobody may wait for it.
    let table = Table::new(CAP, clock());
    table.command("hasty", Instant::now()).unwrap();
    let flush = table.flush(later());
    let work = table.next_work().unwrap();
    assert_eq!(table.failed(work, &failure(ErrorKind::Busy), Duration::ZERO), ["hasty"]);
    let work = table.next_work().unwrap();
    assert!(work.steps.is_empty());
    table.committed(work, None);
    flush.wait().unwrap();
}

#[test]
fn without_room_a_write_is_not_accepted_until_there_is_some() {
    // Memory is bounded in every mode.
    let table = Table::new(1 << 16, clock());
    let half = "x".repeat(40_000);
    assert!(matches!(put(&table, "a", &half, &lazy()), Admitted::Done));
    let room = put_late(&table, "b", &half, &lazy());
    assert_eq!(read(&table, "b"), None, "it was not accepted");
    assert!(!room.is_done());
    let work = table.next_work().unwrap();
    table.committed(work, None);
    room.wait().unwrap();
    assert!(read(&table, "b").is_some());
}

#[test]
fn a_write_larger_than_the_cap_goes_in_alone() {
    // It could never be written otherwise.
    let table = Table::new(1 << 16, clock());
    let huge = "x".repeat(1 << 17);
    put(&table, "a", "", &lazy());
    let room = put_late(&table, "b", &huge, &lazy());
    let work = table.next_work().unwrap();
    table.committed(work, None);
    room.wait().unwrap();
    assert!(matches!(put(&table, "c", "", &lazy()), Admitted::NoRoom));
}

#[test]
fn writethrough_leaves_at_most_buffer_size_less_one_acknowledged_writes_uncommitted() {
    // kill -9 after any acknowledgement loses no more than that.
    for buffer_size in [2, 3, 10, 100] {
        let table = Table::new(CAP, clock());
        for n in 1..buffer_size {
            let admitted = put(&table, &n.to_string(), "", &window(buffer_size));
            assert!(matches!(admitted, Admitted::Done), "{n} of {buffer_size}");
        }
        assert!(matches!(put(&table, "x", "", &window(buffer_size)), Admitted::NoRoom));
        let work = table.next_work().unwrap();
        assert!(matches!(put(&table, "x", "", &window(buffer_size)), Admitted::NoRoom));
        table.committed(work, None);
        assert!(matches!(put(&table, "x", "", &window(buffer_size)), Admitted::Done));
    }
}

#[test]
fn a_window_of_nothing_and_a_batch_beyond_the_window_wait_for_the_commit() {
    // buffer_size=1 acknowledges nothing that is not committed; a large batch cannot wait for room.
    let table = Table::new(CAP, clock());
    let Admitted::Wait(one) = put(&table, "a", "", &window(1)) else { panic!("waits") };
    let keys = ["b", "c", "d"];
    let writes = keys.iter().map(|k| owned(k, "")).collect();
    let (batch, ticket) = table.put_later(writes, &window(3)).unwrap();
    assert_eq!(ticket, None, "it is accepted");
    assert!(!one.is_done() && !batch.is_done());
    let work = table.next_work().unwrap();
    table.committed(work, None);
    assert!(one.is_done() && batch.is_done());
}
