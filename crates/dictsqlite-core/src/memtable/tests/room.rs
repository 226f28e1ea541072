//! Who is let in when there is room, in which order, and who is not after all.

use super::*;

const TINY: usize = 1 << 16;

/// A value of which the memtable holds one and no second one.
fn large() -> String {
    "x".repeat(40_000)
}

fn ticket(table: &Table, key: &str, text: &str, admission: &Admission) -> (Completion<()>, u64) {
    let (room, ticket) = table.put_later(vec![owned(key, text)], admission).unwrap();
    (room, ticket.unwrap())
}

#[test]
fn writers_that_wait_are_served_in_the_order_of_their_calls() {
    // They used to be woken all at once, and whoever was quickest took the room; and a write that
    // came just then went in before all of them.
    let table = Table::new(CAP, clock());
    let admission = window(3);
    put(&table, "a", "", &admission);
    put(&table, "b", "", &admission);
    let waiting: Vec<_> =
        ["c", "d", "e"].iter().map(|key| put_late(&table, key, "", &admission)).collect();
    let work = table.next_work().unwrap();
    table.committed(work, None);
    let done: Vec<_> = waiting.iter().map(Completion::is_done).collect();
    assert_eq!(done, [true, true, false], "the window holds two");
    assert!(matches!(put(&table, "f", "", &admission), Admitted::NoRoom), "e is first");
    let work = table.next_work().unwrap();
    assert_eq!(told(&work), ["c=", "d="]);
    table.committed(work, None);
    assert!(waiting[2].is_done());
    assert!(matches!(put(&table, "f", "", &admission), Admitted::Done));
}

#[test]
fn a_wider_window_passes_those_who_wait_for_a_narrow_one() {
    // A lazy handle holds what it is given while another handle of the store must wait; but
    // nobody passes a write that waits for memory.
    let table = Table::new(TINY, clock());
    put(&table, "a", "", &window(2));
    let narrow = put_late(&table, "b", "", &window(2));
    assert!(matches!(put(&table, "c", "", &lazy()), Admitted::Done));
    let memory = put_late(&table, "d", &"x".repeat(70_000), &lazy());
    assert!(matches!(put(&table, "e", "", &lazy()), Admitted::NoRoom));
    let work = table.next_work().unwrap();
    table.committed(work, None);
    assert!(narrow.is_done() && !memory.is_done(), "b is in, and d wants the memory alone");
    let work = table.next_work().unwrap();
    table.committed(work, None);
    assert!(memory.is_done());
}

#[test]
fn what_is_withdrawn_never_happens_and_lets_others_pass() {
    let table = Table::new(TINY, clock());
    put(&table, "a", &large(), &lazy());
    let (first, cancelled) = ticket(&table, "b", &large(), &lazy());
    let second = put_late(&table, "c", "", &lazy());
    assert!(table.withdraw(cancelled));
    assert_eq!(first.wait().unwrap_err().kind(), ErrorKind::Cancelled);
    second.wait().unwrap();
    assert!(!table.withdraw(cancelled), "once");
    let work = table.next_work().unwrap();
    assert_eq!(work.steps.len(), 1);
    assert_eq!((read(&table, "b"), read(&table, "c")), (None, Some(Some(Vec::new()))));
    table.committed(work, None);
}

#[test]
fn what_was_let_in_is_not_withdrawn() {
    let table = Table::new(TINY, clock());
    put(&table, "a", &large(), &lazy());
    let (room, ticket) = ticket(&table, "b", &large(), &lazy());
    let work = table.next_work().unwrap();
    table.committed(work, None);
    assert!(!table.withdraw(ticket));
    room.wait().unwrap();
    assert!(read(&table, "b").is_some());
}

#[test]
fn whose_time_is_up_is_taken_out_and_told_what_became_of_it() {
    // Asynchronous waits had no deadline: with the lock held elsewhere they waited for ever.
    let table = Table::new(TINY, clock());
    let hasty = Admission { timeout: Duration::ZERO, ..lazy() };
    put(&table, "a", &large(), &lazy());
    table.command("pop:a", Instant::now()).unwrap();
    table.command("patient", later()).unwrap();
    let patient = table.flush(later());
    drop(table.flush(Instant::now()));
    drop(ticket(&table, "b", &large(), &hasty));
    let behind = put_late(&table, "c", "", &lazy());
    let overdue = table.overdue(Instant::now());
    assert_eq!((overdue.accepted.len(), overdue.refused.len()), (1, 1));
    assert_eq!(overdue.commands, ["pop:a"]);
    assert_eq!(overdue.acknowledged.len(), 1, "c was only behind b");
    drop(behind);
    let again = table.overdue(Instant::now());
    assert!(again.accepted.is_empty() && again.refused.is_empty() && again.commands.is_empty());
    while !table.is_empty() {
        let work = table.next_work().unwrap();
        table.committed(work, None);
    }
    patient.wait().unwrap();
    assert!(table.overdue(later()).accepted.is_empty());
}
