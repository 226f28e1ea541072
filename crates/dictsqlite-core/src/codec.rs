//! What the engine itself must know of a codec: whether bytes are valid for it, and how it writes
//! integers (for counters). Python's objects are encoded by the Python package.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::types::{StorageMode, Value};

/// The largest value plus key, in bytes: SQLite's limit on a row, less room for the other columns.
pub const MAX_VALUE_BYTES: usize = 999_990_000;

/// Refuses what the codec could not store: called for values that come from outside encoded.
pub(crate) fn check(mode: StorageMode, value: &[u8]) -> Result<()> {
    match mode {
        StorageMode::Bytes | StorageMode::Pickle => Ok(()),
        // It refuses NaN, comments, trailing commas, lone surrogates and more than 127 levels.
        StorageMode::Json | StorageMode::Jsonb => {
            serde_json::from_slice::<serde_json::Value>(value)
                .map(drop)
                .map_err(|e| Error::codec(format!("the value is not strict JSON: {e}")))
        }
    }
}

/// Refuses a value that no row can hold.
pub(crate) fn check_size(key: &[u8], value: &[u8]) -> Result<()> {
    let size = key.len() + value.len();
    if size > MAX_VALUE_BYTES {
        return Err(Error::codec(format!(
            "key and value take {size} bytes; a row holds at most {MAX_VALUE_BYTES}"
        )));
    }
    Ok(())
}

/// The integer a stored value is.
pub(crate) fn read_int(mode: StorageMode, value: &[u8]) -> Result<i64> {
    let number = match mode {
        StorageMode::Bytes | StorageMode::Json | StorageMode::Jsonb => {
            std::str::from_utf8(value).ok().and_then(|text| text.parse().ok())
        }
        StorageMode::Pickle => read_pickled_int(value),
    };
    number.ok_or_else(|| Error::codec("the value is not a 64-bit integer, so it cannot be counted"))
}

/// An integer as the codec stores it; in `bytes` mode that is its decimal digits.
pub(crate) fn write_int(mode: StorageMode, number: i64) -> Value {
    match mode {
        StorageMode::Bytes | StorageMode::Json | StorageMode::Jsonb => {
            Arc::from(number.to_string().into_bytes())
        }
        StorageMode::Pickle => write_pickled_int(number),
    }
}

// Pickle opcodes, from the pickletools module of the Python standard library.
const PROTO: u8 = 0x80;
const FRAME: u8 = 0x95;
const STOP: u8 = b'.';
const BININT: u8 = b'J';
const BININT1: u8 = b'K';
const BININT2: u8 = b'M';
const LONG1: u8 = 0x8A;

fn read_pickled_int(pickle: &[u8]) -> Option<i64> {
    let [PROTO, 2..=5, rest @ ..] = pickle else { return None };
    let rest = match rest {
        [FRAME, _, _, _, _, _, _, _, _, body @ ..] => body,
        body => body,
    };
    match rest {
        [BININT1, n, STOP] => Some(i64::from(*n)),
        [BININT2, a, b, STOP] => Some(i64::from(u16::from_le_bytes([*a, *b]))),
        [BININT, a, b, c, d, STOP] => Some(i64::from(i32::from_le_bytes([*a, *b, *c, *d]))),
        [LONG1, len, digits @ .., STOP] if digits.len() == usize::from(*len) => {
            read_little_endian(digits)
        }
        _ => None,
    }
}

fn read_little_endian(digits: &[u8]) -> Option<i64> {
    let negative = digits.last().is_some_and(|top| top & 0x80 != 0);
    let mut bytes = [if negative { 0xFF } else { 0 }; 8];
    bytes.get_mut(..digits.len())?.copy_from_slice(digits);
    Some(i64::from_le_bytes(bytes))
}

fn write_pickled_int(number: i64) -> Value {
    let mut out = vec![PROTO, 4];
    if let Ok(n) = u8::try_from(number) {
        out.extend([BININT1, n]);
    } else if let Ok(n) = i32::try_from(number) {
        out.push(BININT);
        out.extend(n.to_le_bytes());
    } else {
        out.extend([LONG1, 8]);
        out.extend(number.to_le_bytes());
    }
    out.push(STOP);
    Arc::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_in_every_codec() {
        for mode in [StorageMode::Bytes, StorageMode::Json, StorageMode::Jsonb, StorageMode::Pickle]
        {
            for n in [0, 1, -1, 255, 256, 65_536, i64::from(i32::MAX) + 1, i64::MIN, i64::MAX] {
                assert_eq!(read_int(mode, &write_int(mode, n)).ok(), Some(n), "{mode} {n}");
            }
        }
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        for bytes in
            [&b"\x80\x04\x8c\x01a\x94."[..], b"", b"\x80", b"\x80\x04\x8a\x09aaaaaaaaa.", b"1.5"]
        {
            for mode in [StorageMode::Bytes, StorageMode::Pickle] {
                assert!(read_int(mode, bytes).is_err());
            }
        }
    }

    #[test]
    fn json_is_strict() {
        for bad in ["NaN", "{a:1}", "[1,]", "'a'", "", "1 2", "\"\\ud800\"", &"[".repeat(200)] {
            assert!(check(StorageMode::Json, bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check(StorageMode::Json, b"\xff").is_err());
        for good in
            ["null", "{\"b\":1,\"a\":[1.5e3,-0]}", "\"\\u0000\"", "123456789012345678901234567890"]
        {
            assert!(check(StorageMode::Jsonb, good.as_bytes()).is_ok(), "{good}");
        }
    }
}
