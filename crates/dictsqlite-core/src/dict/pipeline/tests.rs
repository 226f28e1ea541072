//! Pipelines: order, shared commits, and operations that fail alone.

use super::*;
use crate::{ErrorKind, Options, PersistMode};

fn open(mode: PersistMode) -> (tempfile::TempDir, Dict) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { persist_mode: mode, ..Options::default() };
    let dict = Dict::open(dir.path().join("a.db"), &options).unwrap();
    (dir, dict)
}

fn set(key: &str, value: &[u8]) -> Op {
    Op::Set { key: key.into(), value: value.into(), ttl: Ttl::Default, if_version: None }
}

fn incr(key: &str) -> Op {
    Op::Incr { key: key.into(), delta: 1 }
}

fn value(answer: &Result<Answer>) -> Option<&[u8]> {
    match answer {
        Ok(Answer::Entry(entry)) => entry.as_ref().map(|entry| &entry.value[..]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_sees_what_was_before_it_and_nothing_else() {
    for mode in [PersistMode::Lazy, PersistMode::WriteThrough, PersistMode::Durable] {
        let (_dir, dict) = open(mode);
        dict.set("n", b"40").unwrap();
        let ops = vec![
            Op::Get("n".into()),
            incr("n"),
            Op::Get("n".into()),
            set("n", b"7"),
            Op::Get("n".into()),
            incr("n"),
            Op::Delete { key: "n".into(), if_version: None },
            Op::Get("n".into()),
            Op::Delete { key: "n".into(), if_version: None },
            Op::SetDefault { key: "n".into(), value: Value::from(*b"1"), ttl: Ttl::Never },
            Op::SetDefault { key: "n".into(), value: Value::from(*b"2"), ttl: Ttl::Never },
            Op::Expire { key: "n".into(), ttl: Ttl::Never },
            Op::Pop("n".into()),
        ];
        let got = dict.pipeline(ops).unwrap();
        assert_eq!(value(&got[0]), Some(&b"40"[..]));
        assert_eq!(got[1].as_ref().unwrap(), &Answer::Number(41));
        assert_eq!(value(&got[2]), Some(&b"41"[..]));
        assert!(matches!(got[3], Ok(Answer::Version(1..))));
        assert_eq!(value(&got[4]), Some(&b"7"[..]));
        assert_eq!(got[5].as_ref().unwrap(), &Answer::Number(8));
        assert_eq!(got[6].as_ref().unwrap(), &Answer::Found(true));
        assert_eq!(value(&got[7]), None);
        assert_eq!(got[8].as_ref().unwrap(), &Answer::Found(false));
        assert_eq!((value(&got[9]), value(&got[10])), (None, Some(&b"1"[..])));
        assert_eq!(got[11].as_ref().unwrap(), &Answer::Found(true));
        assert_eq!(value(&got[12]), Some(&b"1"[..]));
        assert_eq!(dict.get("n").unwrap(), None);
        dict.close().unwrap();
    }
}

#[test]
fn thousands_share_a_few_commits() {
    let (_dir, dict) = open(PersistMode::Durable);
    let before = dict.stats().unwrap().commits;
    let ops = (0..3000).map(|n| match n % 3 {
        0 => incr("n"),
        1 => set(&format!("k{n}"), b"v"),
        _ => Op::Get("n".into()),
    });
    let got = dict.pipeline(ops.collect()).unwrap();
    let commits = dict.stats().unwrap().commits - before;
    assert_eq!(commits, 1);
    for (n, answer) in got.iter().enumerate() {
        let sum = n / 3 + 1;
        match n % 3 {
            0 => assert_eq!(answer.as_ref().unwrap(), &Answer::Number(sum as i64)),
            1 => assert!(matches!(answer, Ok(Answer::Version(1..)))),
            _ => assert_eq!(value(answer), Some(sum.to_string().as_bytes())),
        }
    }
    assert_eq!(dict.len().unwrap(), 1001);
    dict.close().unwrap();
}

#[test]
fn one_that_fails_leaves_the_others() {
    let (_dir, dict) = open(PersistMode::Lazy);
    let late = Op::Set {
        key: "k".into(),
        value: Value::from(*b"2"),
        ttl: Ttl::Default,
        if_version: Some(77),
    };
    let got = dict.pipeline(vec![set("k", b"text"), incr("k"), late, incr("n")]).unwrap();
    let kinds: Vec<_> = got.iter().map(|a| a.as_ref().err().map(Error::kind)).collect();
    let (codec, conflict) = (Some(ErrorKind::Codec), Some(ErrorKind::Conflict));
    assert_eq!(kinds, [None, codec, conflict, None]);
    assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"text"[..]));
    // A key that is none is refused before anything is begun.
    let long = Key::Bytes(vec![0; crate::MAX_KEY_BYTES]);
    let e = dict.pipeline(vec![incr("n"), Op::Get(long)]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::KeyType);
    assert_eq!(dict.get("n").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(dict.pipeline(Vec::new()).unwrap().len(), 0);
    dict.close().unwrap();
    let e = dict.pipeline(vec![incr("n")]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Closed);
}

#[test]
fn it_comes_after_what_was_accepted_before() {
    let (_dir, dict) = open(PersistMode::Lazy);
    for round in 0..200_i64 {
        dict.set("k", &round.to_be_bytes()).unwrap();
        let got = dict.pipeline(vec![Op::Get("k".into()), set("k", b"x")]).unwrap();
        assert_eq!(value(&got[0]), Some(&round.to_be_bytes()[..]));
        assert_eq!(dict.get("k").unwrap().as_deref(), Some(&b"x"[..]));
    }
    dict.close().unwrap();
}
