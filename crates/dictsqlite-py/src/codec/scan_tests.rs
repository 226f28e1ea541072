use super::*;

fn ops(data: &[u8]) -> Result<Vec<Op<'_>>, ScanError> {
    let mut reader = Reader::new(data);
    let mut seen = Vec::new();
    loop {
        let op = reader.next_op()?;
        seen.push(op);
        if op == Op::Stop {
            return Ok(seen);
        }
    }
}

fn active(data: &[u8]) -> Result<bool, ScanError> {
    scan(data).map(|shape| shape.active)
}

#[test]
fn plain_streams_of_every_protocol_are_plain() {
    // {"a": [1, 2.5, None, True], "b": (b"x", "y")}
    let modern =
        b"\x80\x05}(\x8c\x01a](K\x01G\x40\x04\0\0\0\0\0\0N\x88e\x8c\x01bC\x01x\x8c\x01y\x86u.";
    assert_eq!(active(modern), Ok(false));
    assert_eq!(active(b"(dp0\nVa\np1\n(lp2\nI1\naF2.5\naNaI01\nas."), Ok(false));
    assert_eq!(active(b"\x80\x04\x8f(K\x01K\x02\x90."), Ok(false));
}

#[test]
fn what_names_or_calls_is_active() {
    for data in [
        &b"cos\nsystem\n."[..],
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"NNR.",
        b"NNb.",
        b"N)\x81.",
        b"N)}\x92.",
    ] {
        assert_eq!(active(data), Ok(true), "{data:?}");
    }
}

#[test]
fn opcodes_never_obeyed_are_refused_by_name() {
    let cases: [(&[u8], &str); 12] = [
        (b"Px\n.", "PERSID"),
        (b"NQ.", "BINPERSID"),
        (b"\x82\x01.", "EXT1"),
        (b"\x83\x01\x00.", "EXT2"),
        (b"\x84\x01\x00\x00\x00.", "EXT4"),
        (b"(ios\nsystem\n.", "INST"),
        (b"(No.", "OBJ"),
        (b"\x97.", "NEXT_BUFFER"),
        (b"\x98.", "READONLY_BUFFER"),
        (b"S'a'\n.", "STRING"),
        (b"T\x01\0\0\0a.", "BINSTRING"),
        (b"U\x01a.", "SHORT_BINSTRING"),
    ];
    for (data, expected) in cases {
        match scan(data) {
            Err(ScanError::Forbidden { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn lengths_past_the_end_are_not_believed() {
    let huge = u64::MAX.to_le_bytes();
    for code in [0x8d, 0x8e, 0x96, 0x95] {
        let mut data = vec![0x80, 5, code];
        data.extend(huge);
        data.push(b'.');
        assert!(matches!(scan(&data), Err(ScanError::Truncated { .. })), "{code:#x}");
        data.splice(3..11, (1u64 << 60).to_le_bytes());
        assert!(matches!(scan(&data), Err(ScanError::Truncated { .. })), "{code:#x}");
    }
    for code in [0x8b, b'X', b'B'] {
        let data = [0x80, 5, code, 0xff, 0xff, 0xff, 0x7f, b'.'];
        assert!(matches!(scan(&data), Err(ScanError::Truncated { .. })), "{code:#x}");
    }
    for data in [
        &b""[..],
        b"\x80",
        b"\x80\x05",
        b"K",
        b"G\0",
        b"\x8c\x05ab",
        b"I1",
        b"cos",
        b"cos\nsystem",
        b"N",
    ] {
        assert!(matches!(scan(data), Err(ScanError::Truncated { .. })), "{data:?}");
    }
}

#[test]
fn absurd_memo_indexes_are_refused() {
    for data in [
        &b"Nr\xff\xff\xff\x7f."[..],
        b"Nq\xff.",
        b"Np2147483648\n.",
        b"Np-1\n.",
        b"Npx\n.",
        b"Nj\0\0\0\x40.",
    ] {
        assert!(
            matches!(scan(data), Err(ScanError::Argument { what: "an absurd memo index", .. })),
            "{data:?}"
        );
    }
    // The first index of an old pickler is 1.
    assert_eq!(active(b"Nq\x01."), Ok(false));
}

#[test]
fn protocol_trailing_bytes_and_unknown_opcodes() {
    assert!(matches!(scan(b"\x80\x06N."), Err(ScanError::Argument { .. })));
    assert!(matches!(scan(b"N\x80\x02."), Err(ScanError::Argument { .. })));
    assert!(matches!(scan(b"N.N"), Err(ScanError::Argument { at: 2, .. })));
    assert_eq!(scan(b"\xff."), Err(ScanError::Unknown { at: 0, byte: 0xff }));
    assert_eq!(scan(b"\x00."), Err(ScanError::Unknown { at: 0, byte: 0 }));
}

#[test]
fn integers_keep_their_sign_and_odd_digits_are_refused() {
    let first = |data: &[u8]| ops(data).map(|ops| format!("{:?}", ops[0]));
    assert_eq!(first(b"\x8a\x00."), Ok("Int(0)".into()));
    assert_eq!(first(b"\x8a\x01\xff."), Ok("Int(-1)".into()));
    assert_eq!(first(b"\x8a\x02\xff\x00."), Ok("Int(255)".into()));
    assert_eq!(first(b"\x8a\x08\0\0\0\0\0\0\0\x80."), Ok(format!("Int({})", i64::MIN)));
    assert!(first(b"\x8a\x09\0\0\0\0\0\0\0\0\x01.").is_ok_and(|op| op.starts_with("Long(")));
    assert_eq!(first(b"L-12L\n."), Ok("LongText(\"-12\")".into()));
    for data in [
        &b"I\n."[..],
        b"I1_0\n.",
        b"I 1\n.",
        b"I0x1f\n.",
        b"L--1L\n.",
        b"I1L\n.",
        b"I010\n.",
        b"I-01\n.",
        b"L00L\n.",
    ] {
        assert!(matches!(scan(data), Err(ScanError::Argument { .. })), "{data:?}");
    }
}

#[test]
fn any_bytes_end_in_an_answer() {
    // A small xorshift: the scanner must stop on anything without panicking.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000 {
        let mut data = Vec::new();
        for _ in 0..(round % 40) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data.push(state.to_le_bytes()[0]);
        }
        let _ = scan(&data);
    }
}
