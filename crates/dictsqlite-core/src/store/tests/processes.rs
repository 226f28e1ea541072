//! Two processes on one file: this test binary runs itself again as the other one.

use std::io::{BufRead, BufReader, Write};
use std::process::{self, Child, ChildStdin, ChildStdout, Stdio};

use super::*;

const VARIABLE: &str = "DICTSQLITE_TEST_OTHER_PROCESS";

/// The other process, which does what it is told line by line.
struct Other {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Other {
    fn on(file: &File) -> Self {
        let mut child = process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::processes::the_other_process", "--nocapture"])
            .env(VARIABLE, &file.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut other = Self { child, to, from };
        assert_eq!(other.answer(), "ready");
        other
    }

    fn tell(&mut self, line: &str) -> String {
        writeln!(self.to, "{line}").unwrap();
        self.answer()
    }

    /// The next line that is meant for us; the test harness writes its own between.
    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the other process ended");
            if let Some(at) = line.find("> ") {
                return line[at + 2..].trim_end_matches('\n').to_owned();
            }
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It ends by itself when told to; this is for a test that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_other_process() {
    // Not a test by itself: what the other process does, when this binary is that.
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let options = Options {
        persist_mode: PersistMode::Lazy,
        flush_interval: Duration::from_secs(3600),
        ..Options::default()
    };
    let dict = Dict::open(path, &options).unwrap();
    println!("> ready");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["set", key, value] => {
                dict.set(key, value.as_bytes()).unwrap();
                dict.flush().unwrap();
                "done".to_owned()
            }
            ["get", key] => match dict.get(key).unwrap() {
                Some(value) => String::from_utf8(value.to_vec()).unwrap(),
                None => "nothing".to_owned(),
            },
            ["delete", key] => {
                dict.delete(key).unwrap();
                dict.flush().unwrap();
                "done".to_owned()
            }
            ["count", key, times] => {
                for _ in 0..times.parse::<u32>().unwrap() {
                    dict.incr(key, 1).unwrap();
                }
                "done".to_owned()
            }
            ["accept", key] => {
                dict.set(key, b"v").unwrap();
                "accepted".to_owned()
            }
            ["end", ms] => {
                let limit = Duration::from_millis(ms.parse().unwrap());
                crate::end(limit).join(" ")
            }
            ["len"] => dict.len().unwrap().to_string(),
            _ => panic!("{line}?"),
        };
        println!("> {answer}");
    }
}

#[test]
fn commits_of_another_process_are_seen_at_once() {
    // Both have everything in their caches, and thousands of times one writes and the other reads.
    let file = File::new();
    let dict = file.open(PersistMode::WriteThrough);
    let mut other = Other::on(&file);
    for n in 0..2000 {
        let text = n.to_string();
        assert_eq!(other.tell(&format!("set theirs {n}")), "done");
        assert_eq!(dict.get("theirs").unwrap().as_deref(), Some(text.as_bytes()));
        dict.set("ours", text.as_bytes()).unwrap();
        if n % 3 != 0 {
            dict.flush().unwrap();
            assert_eq!(other.tell("get ours"), text);
        }
        if n % 10 == 0 {
            assert_eq!(
                in_time(dict.get_async("theirs")).unwrap().as_deref(),
                Some(text.as_bytes())
            );
            assert_eq!(other.tell("delete theirs"), "done");
            assert_eq!(dict.get_many(&["theirs"]).unwrap(), [None]);
        }
    }
}

#[test]
fn the_length_is_right_after_commits_of_another_process() {
    // It is carried along with our own commits, which says nothing about theirs.
    let file = File::new();
    let dict = file.open(PersistMode::Lazy);
    let mut other = Other::on(&file);
    for n in 0..200_u64 {
        assert_eq!(dict.len().unwrap(), 2 * n);
        other.tell(&format!("set t{n} v"));
        assert_eq!(dict.len().unwrap(), 2 * n + 1);
        dict.set(format!("o{n}"), b"v").unwrap();
        assert_eq!(dict.len().unwrap(), 2 * n + 2);
        assert_eq!(other.tell("len"), (2 * n + 2).to_string());
    }
    other.tell("delete t0");
    assert_eq!(dict.len().unwrap(), 399);
}

#[test]
fn counters_of_two_processes_lose_nothing() {
    // incr is decided inside SQLite's transaction, so both may count at once.
    let file = File::new();
    let dict = Arc::new(file.open(PersistMode::Lazy));
    let mut other = Other::on(&file);
    let counting = {
        let dict = Arc::clone(&dict);
        std::thread::spawn(move || (0..300).map(|_| dict.incr("n", 1).unwrap()).max())
    };
    assert_eq!(other.tell("count n 300"), "done");
    assert!(counting.join().unwrap() >= Some(300));
    assert_eq!(dict.get("n").unwrap().as_deref(), Some(&b"600"[..]));
    assert_eq!(other.tell("get n"), "600");
}

#[test]
fn what_was_flushed_survives_the_kill_of_its_process() {
    // kill -9 right after the acknowledgement; the next reader recovers the log.
    let file = File::new();
    for n in 0..5 {
        let mut other = Other::on(&file);
        assert_eq!(other.tell(&format!("set k{n} v")), "done");
        other.child.kill().unwrap();
        other.child.wait().unwrap();
        let dict = file.open(PersistMode::Lazy);
        assert_eq!(dict.len().unwrap(), n + 1);
    }
}

#[test]
fn a_process_that_ends_commits_what_it_has_accepted() {
    // Its handles are still open. Once it has begun to end, nothing is acknowledged before it is
    // committed, since nobody flushes any more.
    let file = File::new();
    let mut other = Other::on(&file);
    assert_eq!(other.tell("accept k"), "accepted");
    let lock = file.locked();
    assert!(other.tell("end 200").contains("1 accepted write"));
    drop(lock);
    assert_eq!(other.tell("end 10000"), "");
    assert_eq!(other.tell("accept l"), "accepted");
    assert_eq!(other.tell("end 10000"), "");
    other.child.kill().unwrap();
    other.child.wait().unwrap();
    assert_eq!(file.open(PersistMode::Lazy).len().unwrap(), 2);
}
