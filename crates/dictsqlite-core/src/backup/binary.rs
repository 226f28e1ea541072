//! Exports as records with their length and checksum.
//!
//! `DICTSQLX`, then frames: the length of what follows the checksum and its CRC-32, each four bytes,
//! little-endian, then as many bytes. The first frame is the header as in JSON Lines. The others begin
//! with a byte: 1 for an entry, then the number of its table (2 bytes), when it expires (8 bytes,
//! 0 for never), the type of its key (1 integer, 2 text, 3 bytes or tuple), the key's length
//! (4 bytes), the key as docs/format.md has it, and the value; 0 for the end, then how many entries
//! there were (8 bytes).

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::files::reading;
use super::lines;
use super::record::{LARGEST, Named, Record, damaged};
use crate::codec;
use crate::error::{Error, Result};
use crate::types::{Key, Tag, pack, packed_tag, unpack_parts};

/// What such a file begins with.
pub(super) const MAGIC: &[u8; 8] = b"DICTSQLX";
const END: u8 = 0;
const ENTRY: u8 = 1;
/// Length and checksum.
const HEAD: usize = 8;
/// What packing puts before a key's payload: the table and the type.
const PACKED_HEAD: usize = 5;

/// Appends a frame whose content `write` appends.
fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    write(out)?;
    let content = &out[start + HEAD..];
    let length = u32::try_from(content.len())
        .map_err(|_| Error::codec("an entry is larger than any that can be stored"))?;
    let checksum = crc32fast::hash(content);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Appends what the file begins with.
pub(super) fn write_header(out: &mut Vec<u8>, tables: &[Named]) -> Result<()> {
    out.extend_from_slice(MAGIC);
    frame(out, |out| lines::write_header(out, tables))
}

/// Appends an entry.
pub(super) fn write_record(
    out: &mut Vec<u8>,
    table: usize,
    packed: &[u8],
    value: &[u8],
    expires_at: Option<i64>,
) -> Result<()> {
    let payload = &packed[PACKED_HEAD..];
    frame(out, |out| {
        out.push(ENTRY);
        out.extend_from_slice(&(table as u16).to_le_bytes());
        out.extend_from_slice(&expires_at.unwrap_or(0).to_le_bytes());
        out.push(packed_tag(packed));
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(value);
        Ok(())
    })
}

/// Appends the end.
pub(super) fn write_end(out: &mut Vec<u8>, count: u64) -> Result<()> {
    frame(out, |out| {
        out.push(END);
        out.extend_from_slice(&count.to_le_bytes());
        Ok(())
    })
}

/// Reads such an export.
pub(super) struct Frames<R> {
    input: BufReader<R>,
    tables: Vec<Named>,
    content: Vec<u8>,
    /// Where the frame last read begins.
    start: u64,
    bytes: u64,
    count: u64,
    ended: bool,
}

impl<R: Read> Frames<R> {
    /// Reads on behind the magic.
    pub(super) fn new(mut input: BufReader<R>) -> Result<Self> {
        input.consume(MAGIC.len());
        let mut frames = Self {
            input,
            tables: Vec::new(),
            content: Vec::new(),
            start: 0,
            bytes: MAGIC.len() as u64,
            count: 0,
            ended: false,
        };
        if !frames.read_frame()? {
            return Err(frames.damaged("the file was cut short"));
        }
        let header = lines::Lines::new(BufReader::new(&frames.content[..]));
        frames.tables = header.map_err(|e| frames.damaged(e.message()))?.tables().to_vec();
        Ok(frames)
    }

    pub(super) fn tables(&self) -> &[Named] {
        &self.tables
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Of the entry last given.
    pub(super) fn place(&self) -> String {
        format!("entry {} at byte {}", self.count, self.start)
    }

    /// Of the one that was to be next.
    fn damaged(&self, why: &str) -> Error {
        damaged(&format!("entry {} at byte {}", self.count + 1, self.start), why)
    }

    /// The next frame; false at the end of the file.
    fn read_frame(&mut self) -> Result<bool> {
        self.start = self.bytes;
        let mut head = [0; HEAD];
        let mut have = 0;
        while have < HEAD {
            match self.input.read(&mut head[have..]).map_err(reading)? {
                0 if have == 0 => return Ok(false),
                0 => return Err(self.damaged("the file was cut short")),
                n => have += n,
            }
        }
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (length, checksum) = (u64::from(word(0)), word(4));
        if length > LARGEST {
            return Err(self.damaged("its length is damaged"));
        }
        self.content.clear();
        // Grows as there are bytes, so that a damaged length asks for no memory.
        let mut limited = self.input.by_ref().take(length);
        let read = limited.read_to_end(&mut self.content).map_err(reading)?;
        if read as u64 != length {
            return Err(self.damaged("the file was cut short, or the length is damaged"));
        }
        if crc32fast::hash(&self.content) != checksum {
            return Err(self.damaged("its checksum is wrong: the file is damaged; export it again"));
        }
        self.bytes += HEAD as u64 + length;
        Ok(true)
    }

    /// The next entry; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        if !self.read_frame()? {
            return match self.ended {
                true => Ok(None),
                false => Err(self.damaged("the file was cut short; export it again")),
            };
        }
        if self.ended {
            return Err(self.damaged("there is more behind the end"));
        }
        match self.parse().map_err(|why| self.damaged(&why))? {
            Some(record) => {
                self.count += 1;
                Ok(Some(record))
            }
            None => {
                self.ended = true;
                self.next()
            }
        }
    }

    fn parse(&self) -> std::result::Result<Option<Record>, String> {
        let short = || "it is shorter than it says".to_owned();
        let (&kind, rest) = self.content.split_first().ok_or_else(short)?;
        if kind == END {
            let (count, _) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let count = u64::from_le_bytes(*count);
            if count != self.count {
                return Err(format!("the file has {} of its {count} entries", self.count));
            }
            return Ok(None);
        }
        if kind != ENTRY {
            return Err(format!("there is no kind {kind} of entries in this release"));
        }
        let (table, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
        let (expires_at, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let (&tag, rest) = rest.split_first().ok_or_else(short)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (payload, value) = rest.split_at_checked(length).ok_or_else(short)?;
        let table = usize::from(u16::from_le_bytes(*table));
        let named = self.tables.get(table).ok_or_else(|| format!("there is no table {table}"))?;
        let key = key_of(tag, payload)?;
        codec::check(named.storage, value).map_err(|e| e.message().to_owned())?;
        let expires_at = i64::from_le_bytes(*expires_at);
        let expires_at = (expires_at != 0).then_some(expires_at);
        Ok(Some(Record { table, key, value: Arc::from(value), expires_at }))
    }
}

fn key_of(tag: u8, payload: &[u8]) -> std::result::Result<Key, String> {
    let key = match tag {
        t if t == Tag::Int as u8 && payload.len() != 8 => None,
        t if t == Tag::Text as u8 && std::str::from_utf8(payload).is_err() => None,
        t if (Tag::Int as u8..=Tag::Bytes as u8).contains(&t) => Some(unpack_parts(tag, payload)),
        _ => None,
    };
    // Its own packed form must be what is there, or two keys could become one.
    key.filter(|key| {
        use crate::types::AsKey;
        pack(0, key.as_key()).is_ok_and(|packed| &packed[PACKED_HEAD..] == payload)
    })
    .ok_or_else(|| "its key is none".to_owned())
}
