//! Stores in memory and the child of a fork. This test binary runs itself again for each: other tests are
//! inside SQLite without a word to whoever forks.

use std::process::Command as Process;

use super::*;
use crate::vfs::fork::in_child;
use crate::{TransactionMode, TransactionOptions};

const VARIABLE: &str = "DICTSQLITE_TEST_FORKS";
const ROWS: i64 = 1000;

/// Runs `test`, which is the test of this name, in a process that does nothing else.
fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(VARIABLE).is_some() {
        return test();
    }
    let name = format!("store::tests::forks::{name}");
    let out = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", &name])
        .env(VARIABLE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && text.contains("1 passed"), "{text}");
}

/// A store that commits only when it is told to.
fn memory() -> Dict {
    let options = Options {
        flush_interval: Duration::from_secs(3600),
        timeout: Duration::from_secs(5),
        ..Options::default()
    };
    Dict::open(":memory:", &options).unwrap()
}

#[test]
fn a_child_has_a_copy_of_a_store_in_memory() {
    // What was accepted and not committed is in the memtable, which the child does not go on with.
    alone("a_child_has_a_copy_of_a_store_in_memory", || {
        let dict = memory();
        (0..ROWS).for_each(|n| dict.set(n, b"before").unwrap());
        let consistent = ScanOptions { consistent: true, ..ScanOptions::default() };
        let mut scan = dict.scan(&consistent).unwrap();
        scan.next().unwrap().unwrap();
        dict.set(0, b"pending").unwrap();
        dict.set("late", b"pending").unwrap();
        assert!(dict.stats().unwrap().pending_writes > 0);
        for _ in 0..3 {
            assert!(in_child(|| {
                let copied = dict.len().unwrap() == ROWS as u64 + 1
                    && (1..ROWS).all(|n| dict.get(n).unwrap().as_deref() == Some(b"before"))
                    && [Key::Int(0), "late".into()]
                        .iter()
                        .all(|key| dict.get(key).unwrap().as_deref() == Some(b"pending"));
                dict.set("late", b"child's").unwrap();
                dict.set(0, &[7; 1 << 20]).unwrap();
                let decided = dict.incr("n", 1).unwrap() == 1;
                dict.flush_durable().unwrap();
                let own = dict.get("late").unwrap().as_deref() == Some(b"child's");
                dict.close().unwrap();
                copied && decided && own
            }));
        }
        assert_eq!(dict.get("late").unwrap().as_deref(), Some(&b"pending"[..]));
        assert_eq!(dict.get("n").unwrap(), None);
        assert_eq!(scan.count(), ROWS as usize - 1);
        assert_eq!(dict.incr("n", 5).unwrap(), 5);
        dict.close().unwrap();
    });
}

#[test]
fn a_child_has_none_of_its_parents_locks_on_a_store_in_memory() {
    // They are in memory as well, and were copied with it: nobody is there in the child to give them back.
    alone("a_child_has_none_of_its_parents_locks_on_a_store_in_memory", || {
        let dict = memory();
        dict.set("k", b"before").unwrap();
        let options = TransactionOptions { mode: TransactionMode::Immediate, ..Default::default() };
        let tx = dict.transaction_async(&options).wait().unwrap();
        tx.set("k", b"parent's").unwrap();
        for _ in 0..3 {
            assert!(in_child(|| {
                let inherited = tx.get("k").unwrap_err().kind() == ErrorKind::Closed
                    && tx.commit().unwrap_err().kind() == ErrorKind::Closed;
                let before = dict.get("k").unwrap().as_deref() == Some(b"before");
                let decided = dict.incr("n", 1).unwrap() == 1;
                let own = dict.transaction(&options).unwrap();
                own.set("k", b"child's").unwrap();
                own.commit().unwrap();
                let after = dict.get("k").unwrap().as_deref() == Some(b"child's");
                dict.close().unwrap();
                inherited && before && decided && after
            }));
        }
        tx.commit().unwrap();
        assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"parent's"[..]));
        assert_eq!(dict.get("n").unwrap(), None);
        dict.close().unwrap();
    });
}
