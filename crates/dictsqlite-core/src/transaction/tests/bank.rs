//! Money is moved between accounts by many at once, and none of it is lost or made.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const ACCOUNTS: i64 = 10;
const EACH: i64 = 100;

fn bank(dict: &Dict) {
    let items: Vec<_> = (0..ACCOUNTS).map(|n| (n, EACH.to_string())).collect();
    dict.set_many(&items).unwrap();
    dict.flush().unwrap();
}

fn balance(value: Option<Value>) -> i64 {
    text(value).unwrap().parse().unwrap()
}

/// Reads two accounts and moves an amount between them.
fn transfer(tx: &Transaction, from: i64, to: i64, amount: i64) -> Result<()> {
    let (a, b) = (balance(tx.get(from)?), balance(tx.get(to)?));
    if a >= amount && from != to {
        tx.set(from, (a - amount).to_string().as_bytes())?;
        tx.set(to, (b + amount).to_string().as_bytes())?;
    }
    Ok(())
}

fn total(dict: &Dict) -> i64 {
    let tx = dict.transaction(&read()).unwrap();
    let scan = tx.scan(&ScanOptions::default()).unwrap();
    scan.map(|item| balance(item.unwrap().value)).sum()
}

/// Numbers that look random.
fn dice(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

#[test]
fn threads_move_money_and_the_sum_stays() {
    for mode in [PersistMode::WriteThrough, PersistMode::Durable] {
        let file = File::new();
        let dict = file.open_as(mode);
        bank(&dict);
        let conflicts = AtomicU64::new(0);
        let done = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (dict, conflicts, done) = (&dict, &conflicts, &done);
                scope.spawn(move || {
                    let mut seed = thread;
                    for _ in 0..150 {
                        let mut roll = || (dice(&mut seed) % ACCOUNTS as u64) as i64;
                        let (from, to) = (roll(), roll());
                        loop {
                            let tx = dict.transaction(&concurrent()).unwrap();
                            transfer(&tx, from, to, 7).unwrap();
                            match tx.commit() {
                                Ok(_) => break,
                                Err(e) => assert_eq!(e.kind(), ErrorKind::Conflict, "{e}"),
                            };
                            conflicts.fetch_add(1, Ordering::Relaxed);
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            scope.spawn(|| {
                while done.load(Ordering::Relaxed) < 600 {
                    assert_eq!(total(&dict), ACCOUNTS * EACH);
                }
            });
        });
        assert_eq!(total(&dict), ACCOUNTS * EACH);
        assert_nothing_left(&dict);
    }
}

#[test]
fn transactions_of_all_modes_and_plain_commands_move_money_together() {
    let file = File::new();
    let dict = file.open();
    bank(&dict);
    std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let dict = &dict;
            scope.spawn(move || {
                let mut seed = thread + 77;
                for n in 0..60 {
                    let mut roll = || (dice(&mut seed) % ACCOUNTS as u64) as i64;
                    let (from, to) = (roll(), roll());
                    let immediate = (n + thread) % 3 == 0;
                    if immediate {
                        let tx = dict.transaction(&super::immediate()).unwrap();
                        transfer(&tx, from, to, 5).unwrap();
                        tx.commit().unwrap();
                    } else {
                        dict.run_transaction(3, |tx| transfer(tx, from, to, 5)).unwrap();
                    }
                    dict.atomic().incr(from, -1).unwrap().incr(to, 1).unwrap().commit().unwrap();
                }
            });
        }
    });
    assert_eq!(total(&dict), ACCOUNTS * EACH);
    assert_nothing_left(&dict);
}

#[test]
fn everybody_who_counts_one_key_wins_in_the_end() {
    let dict = fresh(PersistMode::WriteThrough);
    let tries = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    dict.run_transaction(2, |tx| {
                        tries.fetch_add(1, Ordering::Relaxed);
                        tx.incr("n", 1).map(drop)
                    })
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(got(&dict, "n").as_deref(), Some("200"));
    assert!(tries.load(Ordering::Relaxed) >= 200);
    assert_nothing_left(&dict);
}

#[test]
fn what_fails_in_a_run_is_not_run_again_and_leaves_nothing() {
    let dict = fresh(PersistMode::WriteThrough);
    let mut runs = 0;
    let failed = dict.run_transaction(5, |tx| {
        runs += 1;
        tx.set("k", b"v")?;
        Err::<(), _>(crate::Error::new(ErrorKind::Invalid, "on purpose"))
    });
    assert_eq!((failed.unwrap_err().message(), runs), ("on purpose", 1));
    assert_eq!(got(&dict, "k"), None);
    // With no retries a conflict is told.
    let mut runs = 0;
    let failed = dict.run_transaction(0, |tx| {
        runs += 1;
        drop(tx.get("k")?);
        tx.set("other", b"v")?;
        dict.set("k", b"theirs")
    });
    assert_eq!((conflict(failed), runs), (Some(Key::from("k")), 1));
    assert_nothing_left(&dict);
}
