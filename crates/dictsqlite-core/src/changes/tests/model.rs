//! Long random runs and kills: whoever follows the log has what the table has.
//!
//! `DICTSQLITE_CHANGES_OPERATIONS` says how many operations the run has.

use std::process::{Command, Stdio};

use super::*;

const VARIABLE: &str = "DICTSQLITE_TEST_CHANGES_WRITER";

/// One random operation of every kind.
fn step(dict: &Dict, clock: Option<&ManualClock>, dice: &mut Dice, n: u64) {
    let key = match dice.below(3) {
        0 => Key::Int(dice.below(30) as i64),
        1 => Key::Text(format!("k{}", dice.below(30))),
        _ => Key::Tuple(vec![Key::Int(dice.below(10) as i64), Key::Text("t".into())]),
    };
    let value = format!("v{n}");
    let value = value.as_bytes();
    let ttl = match dice.below(4) {
        0 => Ttl::After(Duration::from_millis(1 + dice.below(50))),
        _ => Ttl::Never,
    };
    match dice.below(100) {
        0..40 => dict.set_with_ttl(&key, value, ttl).unwrap(),
        40..60 => dict.delete(&key).unwrap(),
        60..65 => {
            let items: Vec<_> = (0..dice.below(20)).map(|n| (Key::Int(n as i64), value)).collect();
            dict.set_many_with_ttl(&items, ttl).unwrap();
        }
        65..68 => {
            let keys: Vec<_> = (0..dice.below(10)).map(|n| Key::Int(n as i64)).collect();
            dict.delete_many(&keys).unwrap();
        }
        68..72 => drop(dict.pop(&key).unwrap()),
        72..76 => drop(dict.set_default(&key, value.into(), ttl).unwrap()),
        76..80 => drop(dict.expire(&key, ttl).unwrap()),
        80..82 => drop(dict.pop_item(dice.below(2) == 0)),
        82..84 => drop(dict.incr(format!("n{}", dice.below(3)), 1).unwrap()),
        84 if dice.below(20) == 0 => drop(dict.clear().unwrap()),
        84..97 => {
            if let Some(clock) = clock {
                clock.advance(dice.below(20) as i64);
            }
        }
        _ => dict.flush().unwrap(),
    }
}

#[test]
fn after_a_long_random_run_the_log_says_what_the_table_has() {
    let operations = std::env::var("DICTSQLITE_CHANGES_OPERATIONS");
    let operations: u64 = operations.map_or(20_000, |n| n.parse().unwrap());
    let file = File::new();
    let clock = Arc::new(ManualClock::at(1_000_000));
    let dict =
        file.with(Options { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Options::default() });
    // However long the run, all of it is looked at once more in the end.
    let kept = ChangeRetention { count: Some(u64::MAX), age: Some(Duration::MAX) };
    dict.enable_changes(kept).unwrap();
    let changes = since(&dict, 0);
    let mut follower = Follower::default();
    let mut dice = Dice(operations);
    for n in 0..operations {
        step(&dict, Some(&clock), &mut dice, n);
        if n % 1000 == 999 {
            dict.flush().unwrap();
            follower.take(&rest(&changes));
            // The sweep runs by itself; nothing expires between the two looks.
            follower.has_what(&dict, clock.now_ms());
        }
    }
    dict.flush().unwrap();
    follower.take(&rest(&changes));
    follower.has_what(&dict, clock.now_ms());
    let mut again = Follower::default();
    again.take(&all(&dict));
    again.has_what(&dict, clock.now_ms());
    assert!(follower.last > 0);
}

#[test]
fn the_writer_that_is_killed() {
    // Not a test by itself: what the other process does, when this binary is that.
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let options = Options { buffer_size: 20, changes: Some(true), ..Options::default() };
    let dict = Dict::open(path, &options).unwrap();
    let mut dice = Dice(u64::from(std::process::id()));
    for n in 0.. {
        step(&dict, None, &mut dice, n);
    }
}

#[test]
fn a_log_survives_kills_as_the_table_does() {
    // What was committed before the kill is in both or in neither, and a follower goes on from its
    // number across all of it.
    let file = File::new();
    let mut follower = Follower::default();
    let mut dice = Dice(7);
    drop(file.open());
    for _ in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "changes::tests::model::the_writer_that_is_killed", "--nocapture"])
            .env(VARIABLE, &file.path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300 + dice.below(300)));
        child.kill().unwrap();
        child.wait().unwrap();
        let dict = file.open();
        let before = follower.last;
        follower.take(&rest(&since(&dict, before)));
        assert!(follower.last > before, "the other process wrote nothing");
        let now = crate::SystemClock.now_ms();
        // What expires between the two looks is no difference.
        follower.entries.retain(|_, (.., at)| at.is_none_or(|at| at > now + 1000));
        let mut there = Follower::default();
        there.take(&all(&dict));
        there.entries.retain(|_, (.., at)| at.is_none_or(|at| at > now + 1000));
        assert_eq!(follower.entries, there.entries);
        let eternal = |follower: &Follower| -> Vec<Key> {
            let kept = follower.entries.iter().filter(|(_, (.., at))| at.is_none());
            kept.map(|(key, _)| key.clone()).collect()
        };
        let mut scanned: Vec<Key> = dict
            .scan(&ScanOptions::default())
            .unwrap()
            .map(|item| item.unwrap())
            .filter(|item| item.expires_at.is_none())
            .map(|item| item.key)
            .collect();
        scanned.sort();
        assert_eq!(eternal(&follower), scanned);
        // It goes on from everything it was told.
        follower = Follower::default();
        follower.take(&all(&dict));
    }
}
