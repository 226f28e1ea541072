//! Workers outlive what they run.

use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::sqlite::Place;

fn readers() -> (TempDir, Arc<Readers>) {
    let dir = tempfile::tempdir().unwrap();
    let opener = Opener {
        place: Place::File(dir.path().join("a.db")),
        read_only: false,
        timeout: Duration::from_secs(5),
        file: None,
        misplaced: Arc::default(),
        doubt: Arc::default(),
    };
    opener.prepare(false).unwrap();
    (dir, Arc::new(Readers::new(opener)))
}

/// Whether a worker answers, with a connection on which a transaction is open and can be read from.
fn answers(readers: &Arc<Readers>) -> bool {
    let (sender, receiver) = mpsc::channel();
    readers.submit(Box::new(move |reader| {
        let read = reader.and_then(|reader| reader.pin().map(|()| !reader.is_idle()));
        Box::new(move || sender.send(read.unwrap()).unwrap())
    }));
    receiver.recv_timeout(Duration::from_secs(20)).expect("a worker answers")
}

#[test]
fn a_worker_survives_jobs_and_deliveries_that_panic() {
    // Each panic cost a worker that was still counted: after two of them nothing was ever read again.
    let (_dir, readers) = readers();
    for _ in 0..WORKERS + 1 {
        readers.submit(Box::new(|_| panic!("a job, on purpose")));
        assert!(answers(&readers));
        readers.submit(Box::new(|_| Box::new(|| panic!("a delivery, on purpose"))));
        assert!(answers(&readers));
    }
    readers.close();
}

#[test]
fn a_connection_that_a_panic_left_in_a_transaction_is_not_used_again() {
    // It would read the past for ever.
    let (_dir, readers) = readers();
    let soon = || Instant::now() + Duration::from_secs(5);
    let lent = readers.borrow(soon()).unwrap();
    lent.begin().unwrap();
    drop(lent);
    let lent = readers.borrow(soon()).unwrap();
    assert!(lent.is_idle());
    lent.begin().unwrap();
    lent.end().unwrap();
    drop(lent);
    readers.close();
}
