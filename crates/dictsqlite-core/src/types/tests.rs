//! Golden vectors: the bytes of keys, which are the same in every language and for ever.

use super::tuple::stored_prefix;
use super::*;
use crate::error::ErrorKind;

fn text(s: &str) -> Key {
    Key::Text(s.to_owned())
}

fn packed(key: &Key) -> Vec<u8> {
    pack(0x0102_0304, key.as_key()).unwrap().to_vec()
}

fn stored(key: &Key) -> Vec<u8> {
    packed(key)[5..].to_vec()
}

#[test]
fn tuple_keys_have_the_bytes_written_down_for_every_language() {
    // The golden vectors of docs/format.md: files and other languages depend on each byte.
    let golden: [(&[Key], &[u8]); 9] = [
        (&[], b"\xff"),
        (&[Key::Int(0)], b"\xff\x10\x80\0\0\0\0\0\0\0"),
        (&[Key::Int(-1)], b"\xff\x10\x7f\xff\xff\xff\xff\xff\xff\xff"),
        (&[Key::Int(i64::MIN)], b"\xff\x10\0\0\0\0\0\0\0\0"),
        (&[text("")], b"\xff\x20\0"),
        (&[text("user"), Key::Int(1)], b"\xff\x20user\0\x10\x80\0\0\0\0\0\0\x01"),
        (&[text("a\0b")], b"\xff\x20a\0\xffb\0"),
        (&[Key::Bytes(vec![0, 0xFF])], b"\xff\x30\0\xff\xff\0"),
        (&[Key::Bytes(vec![]), text("é")], b"\xff\x30\0\x20\xc3\xa9\0"),
    ];
    for (items, bytes) in golden {
        let key = Key::Tuple(items.to_vec());
        assert_eq!(stored(&key), bytes, "{key}");
        assert_eq!(unpack(&packed(&key)), key);
    }
}

#[test]
fn plain_keys_have_the_bytes_written_down_for_every_language() {
    // Table number, type, payload; plain bytes that begin like a tuple are escaped.
    let golden: [(Key, &[u8]); 8] = [
        (Key::Int(1), b"\x01\x02\x03\x04\x01\x80\0\0\0\0\0\0\x01"),
        (Key::Int(-2), b"\x01\x02\x03\x04\x01\x7f\xff\xff\xff\xff\xff\xff\xfe"),
        (text(""), b"\x01\x02\x03\x04\x02"),
        (text("a\0"), b"\x01\x02\x03\x04\x02a\0"),
        (Key::Bytes(vec![]), b"\x01\x02\x03\x04\x03"),
        (Key::Bytes(b"a".to_vec()), b"\x01\x02\x03\x04\x03a"),
        (Key::Bytes(vec![0xFF]), b"\x01\x02\x03\x04\x03\xff\xff"),
        (Key::Bytes(vec![0xFF, 0x10, 1]), b"\x01\x02\x03\x04\x03\xff\xff\x10\x01"),
    ];
    for (key, bytes) in golden {
        assert_eq!(packed(&key), bytes, "{key}");
        assert_eq!(unpack(bytes), key);
        assert_eq!(packed_table(bytes), 0x0102_0304);
    }
}

#[test]
fn packed_keys_are_in_the_order_of_keys() {
    // Scans compare bytes only, so the bytes must be in the order users were promised.
    let tuple = |items: &[Key]| Key::Tuple(items.to_vec());
    let ascending = [
        Key::Int(i64::MIN),
        Key::Int(-256),
        Key::Int(-1),
        Key::Int(0),
        Key::Int(255),
        Key::Int(i64::MAX),
        text(""),
        text("1"),
        text("a"),
        text("a\0"),
        text("aa"),
        text("b"),
        text("é"),
        text("\u{10FFFF}"),
        Key::Bytes(vec![]),
        Key::Bytes(vec![0]),
        Key::Bytes(b"a".to_vec()),
        Key::Bytes(vec![0xFE, 0xFF]),
        tuple(&[]),
        tuple(&[Key::Int(-1)]),
        tuple(&[Key::Int(-1), Key::Int(5)]),
        tuple(&[Key::Int(1)]),
        tuple(&[text("")]),
        tuple(&[text(""), Key::Int(1)]),
        tuple(&[text("a")]),
        tuple(&[text("a"), Key::Bytes(vec![])]),
        tuple(&[text("a\0")]),
        tuple(&[text("a\0\0")]),
        tuple(&[text("a\u{1}")]),
        tuple(&[text("ab")]),
        tuple(&[Key::Bytes(vec![])]),
        tuple(&[Key::Bytes(vec![0])]),
        tuple(&[Key::Bytes(vec![0, 0])]),
        tuple(&[Key::Bytes(vec![0, 0xFF])]),
        tuple(&[Key::Bytes(vec![1])]),
        Key::Bytes(vec![0xFF]),
        Key::Bytes(vec![0xFF, 0]),
        Key::Bytes(vec![0xFF, 0xFF]),
    ];
    for pair in ascending.windows(2) {
        assert!(packed(&pair[0]) < packed(&pair[1]), "{} before {}", pair[0], pair[1]);
    }
    for key in &ascending {
        assert_eq!(unpack(&packed(key)), *key);
    }
}

#[test]
fn bytes_that_only_look_like_a_tuple_are_given_back_as_bytes() {
    // Other tools may write any BLOB; none of them may be lost or panic.
    let foreign: [&[u8]; 9] = [
        b"\xff\x01",
        b"\xff\x10\x80\0\0",
        b"\xff\x20abc",
        b"\xff\x20a\0\xff",
        b"\xff\x20\xff\xfe\0",
        b"\xff\x30",
        b"\xff\x10\x80\0\0\0\0\0\0\x01\x05",
        b"\xff\0",
        b"\xff\x20\0\0",
    ];
    for bytes in foreign {
        let packed = pack_stored(7, SqlKey::Blob(bytes));
        assert_eq!(unpack(&packed), Key::Bytes(bytes.to_vec()));
        assert_eq!(packed_table(&packed), 7);
    }
    assert_eq!(unpack(&pack_stored(7, SqlKey::Blob(b"\xff\xffz"))), Key::Bytes(b"\xffz".to_vec()));
    assert_eq!(unpack(&pack_stored(7, SqlKey::Text(b"a\xff"))), text("a\u{FFFD}"));
}

#[test]
fn a_key_packs_as_sqlite_stores_it() {
    // What was packed from a user's key and what is packed from a row must be the same cache key.
    for key in [Key::Int(-7), text("a"), Key::Bytes(vec![0xFF, 1]), Key::Tuple(vec![text("x")])] {
        let ours = packed(&key);
        assert_eq!(pack_stored(0x0102_0304, sql_key(&ours)).to_vec(), ours);
    }
}

#[test]
fn what_is_no_key_is_refused() {
    // A tuple in a tuple, and more bytes than a row should have.
    let nested = Key::Tuple(vec![Key::Tuple(vec![])]);
    assert_eq!(pack(0, nested.as_key()).unwrap_err().kind(), ErrorKind::KeyType);
    let long = "x".repeat(MAX_KEY_BYTES + 1);
    assert_eq!(pack(0, KeyRef::Text(&long)).unwrap_err().kind(), ErrorKind::KeyType);
    assert_eq!(stored_prefix(KeyRef::Int(1)).unwrap_err().kind(), ErrorKind::KeyType);
}

#[test]
fn a_prefix_of_a_tuple_is_a_prefix_of_its_bytes() {
    // That is what makes prefix scans of tuples a range of bytes.
    let long = Key::Tuple(vec![text("a"), Key::Int(1), Key::Bytes(vec![0])]);
    let Key::Tuple(items) = &long else { unreachable!() };
    for n in 0..=items.len() {
        let prefix = stored_prefix(KeyRef::Tuple(&items[..n])).unwrap();
        assert!(stored(&long).starts_with(&prefix));
    }
    let other = stored_prefix(KeyRef::Tuple(&[text("")])).unwrap();
    assert!(!stored(&long).starts_with(&other));
}

proptest::proptest! {
    #[test]
    fn any_tuple_comes_back_and_keeps_its_order(a in tuples(), b in tuples()) {
        // The order of the bytes is the order of the tuples, element by element.
        proptest::prop_assert_eq!(&unpack(&packed(&a)), &a);
        proptest::prop_assert_eq!(packed(&a).cmp(&packed(&b)), a.cmp(&b));
    }

    #[test]
    fn any_bytes_come_back(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..20)) {
        // The escape may cost a byte, and must never cost a key.
        let key = Key::Bytes(bytes);
        proptest::prop_assert_eq!(unpack(&packed(&key)), key);
    }
}

fn tuples() -> impl proptest::strategy::Strategy<Value = Key> {
    use proptest::prelude::*;
    let item = prop_oneof![
        (-300_i64..300).prop_map(Key::Int),
        any::<i64>().prop_map(Key::Int),
        "[\\x00\\x01a\u{FF}]{0,4}".prop_map(Key::Text),
        prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0x10, 0xFE, 0xFF]), 0..4)
            .prop_map(Key::Bytes),
    ];
    prop::collection::vec(item, 0..4).prop_map(Key::Tuple)
}
