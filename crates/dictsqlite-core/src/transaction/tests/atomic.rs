//! Checks and writes that are one unit.

use super::*;

#[test]
fn an_atomic_happens_whole_or_not_at_all() {
    let dict = fresh(PersistMode::WriteThrough);
    dict.set("n", b"1").unwrap();
    let seen = dict.entry("n").unwrap().unwrap().version;
    let version = dict
        .atomic()
        .check("n", seen)
        .unwrap()
        .incr("n", 5)
        .unwrap()
        .set("a", b"1")
        .unwrap()
        .commit();
    assert_eq!(dict.entry("a").unwrap().unwrap().version, version.unwrap());
    let late = dict.atomic().check("n", seen).unwrap().set("b", b"1").unwrap().commit();
    assert_eq!(conflict(late), Some(Key::from("n")));
    let absent = dict.atomic().check("a", 0).unwrap().delete("n").unwrap().commit();
    assert_eq!(conflict(absent), Some(Key::from("a")));
    // What fails in the middle takes back what was done before, and nothing of anybody else's.
    let others: Vec<_> = (0..20_i64).map(|n| dict.set_async(n, b"v", Ttl::Default)).collect();
    let mut atomic = dict.atomic();
    atomic.set("b", b"1").unwrap().incr("a", 1).unwrap().incr("b", i64::MAX).unwrap();
    assert_eq!(atomic.commit().unwrap_err().kind(), ErrorKind::Invalid);
    others.into_iter().for_each(|other| in_time(other).unwrap());
    assert_eq!((got(&dict, "b"), got(&dict, "a").as_deref()), (None, Some("1")));
    assert_eq!((got(&dict, "n").as_deref(), dict.len().unwrap()), (Some("6"), 22));
    dict.atomic().check("gone", 0).unwrap().delete("a").unwrap().commit().unwrap();
    assert_eq!(got(&dict, "a"), None);
    // Counting does not conflict with counting.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    dict.atomic().incr("hits", 1).unwrap().commit().unwrap();
                }
            });
        }
    });
    assert_eq!(got(&dict, "hits").as_deref(), Some("200"));
}
