//! Where a scan is, as text that can be kept and gone on from: in another call, process or year.

use std::fmt;
use std::str::FromStr;

use super::ScanOptions;
use crate::error::{Error, Result};
use crate::sqlite::{After, Table};
use crate::types::{AsKey, Key, KeyBuf, MAX_KEY_BYTES, Order, RowRef, Tag, pack};

/// The form of the bytes below, in case there will be another.
const FORM: u8 = 1;
/// Form, flags and fingerprint.
const HEAD: usize = 10;
const CHECK: usize = 4;
/// Bytes of the table's number in a packed key: it means something in this process only.
const TABLE: usize = 4;

const BY_KEY: u8 = 1;
const REVERSE: u8 = 2;

/// A place in a scan: behind the last entry that was taken, or before the first.
///
/// It is ASCII text of at least 30 characters, and twice as many as the key has bytes more. A scan with
/// the same table, order, direction, prefix, start and end goes on from there, whatever was changed
/// meanwhile: what was deleted is gone, and what was added behind the place is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cursor a text is.
    ///
    /// # Errors
    /// `Invalid` for a text that is none.
    pub fn parse(text: &str) -> Result<Self> {
        decode(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// Makes the cursors of one scan; it holds nothing of the store.
#[derive(Clone, Debug)]
pub struct Cursors {
    head: [u8; HEAD],
    table: u32,
    start: After,
}

impl Cursors {
    pub(super) fn new(table: &Table, options: &ScanOptions, order: Order) -> Result<Self> {
        let mut head = [0; HEAD];
        head[0] = FORM;
        head[1] = if order == Order::Key { BY_KEY } else { 0 }
            | if options.reverse { REVERSE } else { 0 };
        head[2..].copy_from_slice(&fingerprint(table, options)?.to_be_bytes());
        let mut cursors = Self { head, table: table.id, start: After::Start };
        if let Some(cursor) = &options.after {
            cursors.start = cursors.position(cursor)?;
        }
        Ok(cursors)
    }

    /// Where the scan began.
    pub fn start(&self) -> Cursor {
        self.at(&self.start)
    }

    /// The place behind a row of the scan.
    pub fn after(&self, row: RowRef<'_>) -> Cursor {
        self.at(&if self.head[1] & BY_KEY != 0 {
            After::Key(KeyBuf::from_slice(row.packed()))
        } else {
            After::Id(row.id())
        })
    }

    /// Where the scan is to begin.
    pub(super) fn begin(&self) -> After {
        self.start.clone()
    }

    pub(super) fn at(&self, place: &After) -> Cursor {
        let mut bytes = self.head.to_vec();
        match place {
            After::Start => bytes.push(0),
            After::Id(id) => {
                bytes.push(1);
                bytes.extend(id.to_be_bytes());
            }
            After::Key(key) => {
                bytes.push(2);
                bytes.extend(&key[TABLE..]);
            }
        }
        bytes.extend(check_of(&bytes));
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Cursor(text)
    }

    /// The place a cursor stands for, if it is one of such a scan.
    fn position(&self, cursor: &Cursor) -> Result<After> {
        let (head, place) = decode(&cursor.0)?;
        if head[1] != self.head[1] {
            let order = if head[1] & BY_KEY != 0 { "key" } else { "insertion" };
            let reverse = if head[1] & REVERSE != 0 { ", reversed" } else { ", not reversed" };
            return Err(Error::invalid(format!(
                "the cursor is of a scan in {order} order{reverse}; scan in the same way"
            )));
        }
        if head != self.head {
            return Err(Error::invalid(
                "the cursor is of a scan of another table, or with another prefix, start or end; \
                 give the same ones",
            ));
        }
        Ok(match place {
            Place::Start => After::Start,
            Place::Id(id) => After::Id(id),
            Place::Key(stored) => {
                let mut key = KeyBuf::from_slice(&self.table.to_be_bytes());
                key.extend_from_slice(&stored);
                After::Key(key)
            }
        })
    }
}

/// A place as it is in a cursor.
enum Place {
    Start,
    Id(i64),
    /// A packed key, without the table's number.
    Key(Vec<u8>),
}

fn decode(text: &str) -> Result<([u8; HEAD], Place)> {
    parts(text).ok_or_else(|| {
        Error::invalid("this is no cursor of a scan, or it is damaged; begin the scan again")
    })
}

fn parts(text: &str) -> Option<([u8; HEAD], Place)> {
    // Two digits a byte; what is longer can be no key.
    if text.len() > 2 * (HEAD + 1 + MAX_KEY_BYTES + CHECK) || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).filter(|_| !c.is_ascii_uppercase());
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes = pairs.map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8));
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    let (bytes, check) = bytes.split_last_chunk::<CHECK>()?;
    if check_of(bytes) != *check {
        return None;
    }
    let (head, place) = bytes.split_first_chunk::<HEAD>()?;
    let by_key = head[1] & BY_KEY != 0;
    if head[0] != FORM || head[1] > BY_KEY | REVERSE {
        return None;
    }
    let (kind, rest) = place.split_first()?;
    let place = match kind {
        0 if rest.is_empty() => Place::Start,
        1 if !by_key => Place::Id(i64::from_be_bytes(rest.try_into().ok()?)),
        2 if by_key && is_packed(rest) => Place::Key(rest.to_vec()),
        _ => return None,
    };
    Some((*head, place))
}

/// True for a packed key's tag and payload.
fn is_packed(key: &[u8]) -> bool {
    match key.split_first() {
        Some((tag, payload)) if *tag == Tag::Int as u8 => payload.len() == 8,
        Some((tag, _)) => *tag == Tag::Text as u8 || *tag == Tag::Bytes as u8,
        None => false,
    }
}

/// A number for what is scanned: equal for equal selections, in every process and release.
fn fingerprint(table: &Table, options: &ScanOptions) -> Result<u64> {
    let mut bytes = table.created().to_be_bytes().to_vec();
    let mut push = |part: &[u8]| {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    };
    push(table.name.as_bytes());
    for bound in [&options.prefix, &options.start, &options.end] {
        match bound {
            // No packed key is empty.
            None => push(b""),
            Some(key) => push(&packed(key)?),
        }
    }
    Ok(fnv(&bytes))
}

fn packed(key: &Key) -> Result<KeyBuf> {
    Ok(KeyBuf::from_slice(&pack(0, key.as_key())?[TABLE..]))
}

fn check_of(bytes: &[u8]) -> [u8; CHECK] {
    // Both halves, since the ends of short texts differ in the lower one only.
    let sum = fnv(bytes);
    ((sum ^ (sum >> 32)) as u32).to_be_bytes()
}

/// The Fowler-Noll-Vo hash (1a, 64 bits): the standard library's may change from release to release.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A text with the right sum, for tests of what else must be right.
#[cfg(test)]
pub(super) fn tests_only_summed(body: &str) -> String {
    let byte = |n: usize| u8::from_str_radix(&body[n..n + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..body.len()).step_by(2).map(byte).collect();
    let sum = check_of(&bytes).map(|byte| format!("{byte:02x}"));
    format!("{body}{}", sum.concat())
}
