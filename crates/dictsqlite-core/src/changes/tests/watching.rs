//! Watching: the state first, then what is different, several changes at once.

use super::*;
use crate::{Watch, Watched};

fn page(watch: &Watch) -> Vec<String> {
    let page = watch.next_page(Some(Duration::from_millis(300))).unwrap();
    let shown = |watched: &Watched| match &watched.entry {
        Some(entry) => format!("{} {}", watched.key, String::from_utf8_lossy(&entry.value)),
        None => format!("{} -", watched.key),
    };
    page.iter().map(shown).collect()
}

#[test]
fn keys_are_given_as_they_are_and_then_when_they_differ() {
    let file = File::new();
    // Without a log as well.
    let dict = Dict::open(&file.path, &Options { changes: None, ..patient(Options::default()) });
    let dict = dict.unwrap();
    dict.set("a", b"1").unwrap();
    let watch = dict.watch(&["a", "b", "a"], None).unwrap();
    assert_eq!(page(&watch), ["\"a\" 1", "\"b\" -"]);
    for n in 2..50 {
        dict.set("a", n.to_string().as_bytes()).unwrap();
        dict.set("other", b"1").unwrap();
        dict.flush().unwrap();
    }
    assert_eq!(page(&watch), ["\"a\" 49"]);
    file.shell().execute("INSERT INTO main(key, value) VALUES('b', x'31')", []).unwrap();
    assert_eq!(page(&watch), ["\"b\" 1"]);
    dict.set("other", b"2").unwrap();
    dict.flush().unwrap();
    assert!(page(&watch).is_empty());
    dict.delete("a").unwrap();
    dict.flush().unwrap();
    assert_eq!(page(&watch), ["\"a\" -"]);
}

#[test]
fn an_entry_that_expires_is_gone() {
    let file = File::new();
    let clock = Arc::new(ManualClock::at(1_000_000));
    let dict =
        file.with(Options { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Options::default() });
    dict.set_with_ttl("a", b"1", Ttl::After(Duration::from_secs(1))).unwrap();
    let watch = dict.watch(&["a"], None).unwrap();
    assert_eq!(page(&watch), ["\"a\" 1"]);
    clock.advance(2000);
    let gone = watch.next_page(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(gone[0].entry, None);
}

#[test]
fn a_prefix_is_given_as_it_is_and_then_key_by_key() {
    let file = File::new();
    let dict = file.open();
    for n in 0..3000 {
        dict.set(format!("user:{n:04}"), b"0").unwrap();
    }
    dict.set("x", b"0").unwrap();
    let watch = dict.watch::<&str>(&[], Some(&"user:".into())).unwrap();
    let mut first = Vec::new();
    while first.len() < 3000 {
        first.extend(watch.next_page(None).unwrap());
    }
    assert_eq!(first[2999].key, Key::from("user:2999"));
    for n in 1..200 {
        dict.set("user:0001", n.to_string().as_bytes()).unwrap();
        dict.set("x", n.to_string().as_bytes()).unwrap();
        dict.delete("user:0002").unwrap();
        dict.flush().unwrap();
    }
    assert_eq!(page(&watch), ["\"user:0001\" 199", "\"user:0002\" -"]);
    assert!(page(&watch).is_empty());
    // All of a table.
    let all = dict.watch::<&str>(&[], None).unwrap();
    let mut count = 0;
    while count < 3000 {
        count += all.next_page(None).unwrap().len();
    }
    assert_eq!(count, 3000);
}

#[test]
fn what_changes_during_the_first_pages_is_given_again() {
    let file = File::new();
    let dict = file.open();
    for n in 0..3000_i64 {
        dict.set(n, b"0").unwrap();
    }
    let watch = dict.watch::<i64>(&[], None).unwrap();
    let mut state = BTreeMap::new();
    let mut note = |page: Vec<Watched>| {
        for watched in page {
            match watched.entry {
                Some(entry) => drop(state.insert(watched.key, entry.value.to_vec())),
                None => drop(state.remove(&watched.key)),
            }
        }
        state.len()
    };
    note(watch.next_page(None).unwrap());
    dict.delete(0).unwrap();
    dict.set(1, b"1").unwrap();
    dict.delete(2999).unwrap();
    dict.flush().unwrap();
    loop {
        let page = watch.next_page(Some(Duration::from_millis(300))).unwrap();
        if page.is_empty() {
            break;
        }
        note(page);
    }
    assert_eq!(note(Vec::new()), 2998);
    assert_eq!(state[&Key::Int(1)], b"1");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let file = File::new();
    let dict = Dict::open(&file.path, &Options::default()).unwrap();
    let refused = |watch: Result<Watch>| watch.err().expect("it is refused");
    let prefix = Key::from("p");
    let no_log: Error = refused(dict.watch::<&str>(&[], Some(&prefix)));
    assert!(no_log.message().contains("enable_changes"), "{no_log}");
    assert_eq!(refused(dict.watch(&["a"], Some(&prefix))).kind(), ErrorKind::Invalid);
    let many: Vec<i64> = (0..10_001).collect();
    assert_eq!(refused(dict.watch(&many, None)).kind(), ErrorKind::Invalid);
    dict.enable_changes(ChangeRetention::default()).unwrap();
    assert_eq!(refused(dict.watch::<&str>(&[], Some(&Key::Int(1)))).kind(), ErrorKind::KeyType);
}
