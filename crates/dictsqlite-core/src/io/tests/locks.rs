//! Advisory locks between two handles of one file.

#![cfg(target_os = "linux")]

use LockLevel::{Exclusive, None, Reserved, Shared};

use super::*;

fn two(ground: &Ground) -> (Arc<dyn AsyncFile>, Arc<dyn AsyncFile>) {
    let one = ground.open("a", &OpenOptions::create()).unwrap();
    let two = ground.open("a", &OpenOptions::create()).unwrap();
    (one, two)
}

#[test]
fn readers_share_and_one_of_them_reserves() {
    everywhere(|ground| {
        let (a, b) = two(ground);
        a.lock(Shared).wait().unwrap();
        b.lock(Shared).wait().unwrap();
        assert!(!a.check_reserved().wait().unwrap());
        a.lock(Reserved).wait().unwrap();
        a.lock(Shared).wait().unwrap(); // Weaker than what it has: nothing changes.
        assert!(a.check_reserved().wait().unwrap() && b.check_reserved().wait().unwrap());
        assert_eq!(kind(b.lock(Reserved).wait()), ErrorKind::Busy);
        a.unlock(Shared).wait().unwrap();
        assert!(!b.check_reserved().wait().unwrap());
        b.lock(Reserved).wait().unwrap();
    });
}

#[test]
fn a_writer_is_alone_and_is_not_starved() {
    everywhere(|ground| {
        let (a, b) = two(ground);
        a.lock(Shared).wait().unwrap();
        b.lock(Shared).wait().unwrap();
        assert_eq!(kind(a.lock(Exclusive).wait()), ErrorKind::Busy);
        // The reader that is there goes on; a new one is kept out while the writer waits.
        let c = ground.open("a", &OpenOptions::write()).unwrap();
        assert_eq!(kind(c.lock(Shared).wait()), ErrorKind::Busy);
        b.unlock(None).wait().unwrap();
        a.lock(Exclusive).wait().unwrap();
        assert_eq!(kind(b.lock(Shared).wait()), ErrorKind::Busy);
        a.unlock(Shared).wait().unwrap();
        b.lock(Shared).wait().unwrap();
        c.lock(Shared).wait().unwrap();
    });
}

#[test]
fn locks_go_with_the_file_that_holds_them() {
    everywhere(|ground| {
        let (a, b) = two(ground);
        a.lock(Shared).wait().unwrap();
        a.lock(Exclusive).wait().unwrap();
        // Another handle of the same process that is closed costs nobody a lock.
        ground.open("a", &OpenOptions::read()).unwrap().close().wait().unwrap();
        assert_eq!(kind(b.lock(Shared).wait()), ErrorKind::Busy);
        a.close().wait().unwrap();
        b.lock(Shared).wait().unwrap();
        b.lock(Exclusive).wait().unwrap();
    });
}

#[test]
fn levels_that_make_no_sense_are_refused() {
    everywhere(|ground| {
        let (a, _) = two(ground);
        assert_eq!(kind(a.lock(Reserved).wait()), ErrorKind::Invalid);
        assert_eq!(kind(a.lock(Exclusive).wait()), ErrorKind::Invalid);
        assert_eq!(kind(a.unlock(Exclusive).wait()), ErrorKind::Invalid);
        a.lock(None).wait().unwrap();
        a.unlock(None).wait().unwrap();
        a.unlock(Shared).wait().unwrap(); // Weakening what is weaker changes nothing.
        assert_eq!(kind(a.lock(Reserved).wait()), ErrorKind::Invalid);
    });
}
