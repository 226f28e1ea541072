//! The hand-over of results and of the write lock, under many schedules of their threads: the engine's
//! own sources, on locks whose order shuttle chooses. A wake-up that is lost is a deadlock here.

#![allow(dead_code, unused_imports, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

#[path = "../../src/completion.rs"]
mod completion;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/hold.rs"]
mod hold;
mod sync;
#[path = "../../src/types/mod.rs"]
mod types;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shuttle::thread;

use completion::{Completion, pair};
use error::{Error, ErrorKind, Result};
use hold::{Hold, Wish};
use types::{Outcome, Proposal};

const SCHEDULES: usize = 5_000;
const HOUR: Duration = Duration::from_secs(3600);

/// Random schedules, and those that change threads in the fewest places, which find other things.
fn explore(story: fn()) {
    shuttle::check_random(story, SCHEDULES);
    shuttle::check_pct(story, SCHEDULES, 3);
}

#[test]
fn a_completion_is_told_once_however_it_is_waited_for() {
    explore(|| {
        let told = Arc::new(AtomicU64::new(0));
        for way in 0..4 {
            let (completer, completion) = pair::<u64>();
            let heard = Arc::clone(&told);
            let waiter = thread::spawn(move || match way {
                0 => drop(heard.fetch_add(completion.wait().unwrap(), Ordering::SeqCst)),
                1 => completion.on_done(move |result| {
                    heard.fetch_add(result.unwrap(), Ordering::SeqCst);
                }),
                2 => {
                    let doubled = completion.then(|result| result.map(|n| n * 2));
                    heard.fetch_add(doubled.wait().unwrap() / 2, Ordering::SeqCst);
                }
                _ => {
                    let result = shuttle::future::block_on(completion);
                    heard.fetch_add(result.unwrap(), Ordering::SeqCst);
                }
            });
            let teller = thread::spawn(move || completer.complete(Ok(1)));
            waiter.join().unwrap();
            teller.join().unwrap();
        }
        assert_eq!(told.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn who_drops_a_completer_ends_the_waiting() {
    explore(|| {
        let (completer, completion) = pair::<u64>();
        let waiter = thread::spawn(move || completion.wait());
        thread::spawn(move || drop(completer)).join().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap_err().kind(), ErrorKind::Internal);
    });
}

#[test]
fn who_drops_a_completion_leaves_nothing_behind() {
    // What comes too late is dropped, so a transaction that nobody waits for any more is rolled back.
    explore(|| {
        let token = Arc::new(());
        let (completer, completion) = pair::<Arc<()>>();
        let late = Arc::clone(&token);
        let teller = thread::spawn(move || completer.complete(Ok(late)));
        let dropper = thread::spawn(move || drop(completion));
        teller.join().unwrap();
        dropper.join().unwrap();
        assert_eq!(Arc::strong_count(&token), 1);
    });
}

/// What the writer does with a request for the lock. Gives what it has committed.
fn writer(hold: &Arc<Hold>) -> u32 {
    let wish = if hold.grant() { hold.wait() } else { Wish::Nothing };
    let done = match wish {
        Wish::Commit(change) => change.ops,
        Wish::Nothing => 0,
    };
    let outcome = if done > 0 { Outcome::Version(i64::from(done)) } else { Outcome::Done };
    hold.finish(Ok(outcome));
    done
}

fn change(ops: u32) -> Arc<Proposal> {
    Arc::new(Proposal { ops, ..Proposal::default() })
}

#[test]
fn a_lent_lock_comes_back_whatever_its_owner_does() {
    explore(|| {
        for way in 0..3 {
            let (hold, granted) = Hold::new(1, HOUR);
            let lender = {
                let hold = Arc::clone(&hold);
                thread::spawn(move || writer(&hold))
            };
            let owner = thread::spawn(move || {
                granted.wait().unwrap();
                match way {
                    0 => {
                        let committed = hold.hand_over(change(7)).expect("there is time").wait();
                        assert!(matches!(committed, Ok(Outcome::Version(7))));
                        7
                    }
                    1 => {
                        hold.let_go();
                        assert!(hold.hand_over(change(7)).is_none());
                        0
                    }
                    // Dropped while the commit is under way: it happens all the same.
                    _ => {
                        drop(hold.hand_over(change(7)).expect("there is time"));
                        hold.let_go();
                        7
                    }
                }
            });
            assert_eq!(lender.join().unwrap(), owner.join().unwrap());
        }
    });
}

#[test]
fn taking_the_lock_back_and_committing_at_once_is_one_or_the_other() {
    // The store is closed while the owner hands its writes over.
    explore(|| {
        let (hold, granted) = Hold::new(1, HOUR);
        let (lent, revoked) = (Arc::clone(&hold), Arc::clone(&hold));
        let lender = thread::spawn(move || writer(&lent));
        let closer = thread::spawn(move || revoked.let_go());
        let told = match granted.wait() {
            // Gone before it was granted.
            Err(_) => 0,
            Ok(()) => match hold.hand_over(change(3)) {
                Some(committed) => match committed.wait() {
                    Ok(Outcome::Version(_)) => 3,
                    other => panic!("{other:?}"),
                },
                None => 0,
            },
        };
        closer.join().unwrap();
        assert_eq!(lender.join().unwrap(), told);
    });
}

#[test]
fn who_gives_up_waiting_for_the_lock_keeps_nobody_from_it() {
    explore(|| {
        let (hold, granted) = Hold::new(1, HOUR);
        let lent = Arc::clone(&hold);
        let lender = thread::spawn(move || writer(&lent));
        let owner = thread::spawn(move || {
            drop(granted);
            hold.let_go();
        });
        owner.join().unwrap();
        assert_eq!(lender.join().unwrap(), 0);
    });
}

#[test]
fn a_request_that_fails_is_told_once() {
    explore(|| {
        let (hold, granted) = Hold::new(1, HOUR);
        let failed = Arc::clone(&hold);
        let lender = thread::spawn(move || failed.finish(Err(Error::closed())));
        assert_eq!(granted.wait().unwrap_err().kind(), ErrorKind::Closed);
        lender.join().unwrap();
        assert!(hold.hand_over(change(1)).is_none());
        assert!(!hold.grant());
    });
}
