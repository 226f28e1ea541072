//! Exports as JSON Lines.
//!
//! The first line says what it is and which tables with which codecs follow:
//! `{"dictsqlite":"export","format":1,"tables":{"main":"json"}}`. Then an entry a line:
//! `{"t":"main","k":"user:1","v":{"n":1},"x":1767225600000}`, where `x` is when it expires. The last
//! one, `{"end":1}`, says how many there were, so that a file that was cut short is told.
//!
//! Keys: text is a string, an integer a number, bytes are `{"b":"<base64>"}`, a tuple is a list of
//! these. Values: of the JSON codecs as they are, of the others base64 in a string.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::files::reading;
use super::record::{LARGEST, Named, Record, damaged, place_of};
use crate::codec;
use crate::error::{Error, Result};
use crate::types::{Key, StorageMode, Value};

/// The newest form of this.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    dictsqlite: String,
    format: u32,
    tables: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow, default)]
    t: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "there")]
    k: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    v: Option<&'a RawValue>,
    #[serde(default)]
    x: Option<i64>,
    /// Of the last line: how many there were, or null for "do not count".
    #[serde(borrow, default, deserialize_with = "there")]
    end: Option<&'a RawValue>,
}

/// What is there, null as well.
fn there<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(d).map(Some)
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum JsonKey {
    Int(i64),
    Text(String),
    // Before bytes, since a list would be taken for their fields.
    Tuple(Vec<JsonKey>),
    Bytes(JsonBytes),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonBytes {
    b: String,
}

fn is_json(storage: StorageMode) -> bool {
    matches!(storage, StorageMode::Json | StorageMode::Jsonb)
}

fn json_key(key: &Key) -> JsonKey {
    match key {
        Key::Int(i) => JsonKey::Int(*i),
        Key::Text(s) => JsonKey::Text(s.clone()),
        Key::Bytes(b) => JsonKey::Bytes(JsonBytes { b: BASE64.encode(b) }),
        Key::Tuple(items) => JsonKey::Tuple(items.iter().map(json_key).collect()),
    }
}

fn key_of(key: JsonKey) -> std::result::Result<Key, String> {
    Ok(match key {
        JsonKey::Int(i) => Key::Int(i),
        JsonKey::Text(s) => Key::Text(s),
        JsonKey::Bytes(b) => Key::Bytes(
            BASE64.decode(&b.b).map_err(|e| format!("the key's bytes are no base64 ({e})"))?,
        ),
        JsonKey::Tuple(items) => {
            if items.iter().any(|item| matches!(item, JsonKey::Tuple(_))) {
                return Err("a tuple in a key holds no tuple".to_owned());
            }
            Key::Tuple(items.into_iter().map(key_of).collect::<std::result::Result<_, _>>()?)
        }
    })
}

/// Writing to memory fails only when there is none.
fn json(out: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|e| Error::codec(e.to_string()))
}

/// Appends the first line.
pub(super) fn write_header(out: &mut Vec<u8>, tables: &[Named]) -> Result<()> {
    let named = |table: &Named| (table.name.clone(), table.storage.name().into());
    let tables = tables.iter().map(named).collect();
    json(out, &Header { dictsqlite: "export".to_owned(), format: FORMAT, tables })?;
    out.push(b'\n');
    Ok(())
}

/// Appends an entry.
pub(super) fn write_record(
    out: &mut Vec<u8>,
    table: &Named,
    key: &Key,
    value: &[u8],
    expires_at: Option<i64>,
) -> Result<()> {
    out.extend_from_slice(b"{\"t\":");
    json(out, &table.name)?;
    out.extend_from_slice(b",\"k\":");
    json(out, &json_key(key))?;
    out.extend_from_slice(b",\"v\":");
    if is_json(table.storage) {
        codec::check(table.storage, value).map_err(|e| e.with_key(key.clone()))?;
        // Outside of its strings, where it cannot be, a newline of JSON is a space.
        out.extend(value.iter().map(|&b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
    } else {
        out.push(b'"');
        let start = out.len();
        out.resize(start + base64::encoded_len(value.len(), true).unwrap_or(0), 0);
        let written = BASE64.encode_slice(value, &mut out[start..]);
        let written = written.map_err(|e| Error::codec(e.to_string()))?;
        out.truncate(start + written);
        out.push(b'"');
    }
    if let Some(at) = expires_at {
        out.extend_from_slice(b",\"x\":");
        json(out, &at)?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Appends the last line.
pub(super) fn write_end(out: &mut Vec<u8>, count: u64) {
    out.extend_from_slice(format!("{{\"end\":{count}}}\n").as_bytes());
}

/// Reads such an export.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    tables: Vec<Named>,
    line: Vec<u8>,
    /// The number of the line last read, from 1 on.
    number: u64,
    bytes: u64,
    count: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: BufReader<R>) -> Result<Self> {
        let mut lines = Self {
            input,
            tables: Vec::new(),
            line: Vec::new(),
            number: 0,
            bytes: 0,
            count: 0,
            ended: false,
        };
        lines.read_line()?;
        let header: Header = serde_json::from_slice(&lines.line).map_err(|e| {
            let why = format!(
                "this is no export, or its first line is lost; it should be like \
                 {{\"dictsqlite\":\"export\",\"format\":1,\"tables\":{{\"main\":\"json\"}}}} ({e})"
            );
            lines.damaged(&why)
        })?;
        if header.dictsqlite != "export" || !(1..=FORMAT).contains(&header.format) {
            let why = format!("this release reads exports of format 1 to {FORMAT} only");
            return Err(lines.damaged(&why));
        }
        for (name, storage) in header.tables {
            let storage = storage.as_str().unwrap_or_default().parse();
            let storage = storage.map_err(|e: Error| lines.damaged(e.message()))?;
            lines.tables.push(Named { name, storage });
        }
        lines.tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(lines)
    }

    pub(super) fn tables(&self) -> &[Named] {
        &self.tables
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn place(&self) -> String {
        format!("line {}", self.number)
    }

    fn damaged(&self, why: &str) -> Error {
        damaged(&self.place(), why)
    }

    /// The next line that is not empty; false at the end of the file.
    fn read_line(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            let mut limited = self.input.by_ref().take(LARGEST);
            let read = limited.read_until(b'\n', &mut self.line).map_err(reading)?;
            self.number += 1;
            self.bytes += read as u64;
            if read as u64 == LARGEST {
                return Err(self.damaged("no entry is that long"));
            }
            if read == 0 || !self.line.trim_ascii().is_empty() {
                return Ok(read > 0);
            }
        }
    }

    /// The next entry; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        if !self.read_line()? {
            return match self.ended {
                true => Ok(None),
                false => Err(self.damaged(
                    "the last line, like {\"end\":7}, is missing: the file was cut short; export \
                     again, or add {\"end\":null} to import what is there",
                )),
            };
        }
        if self.ended {
            return Err(self.damaged("there is more behind the line that says the end"));
        }
        let line = std::mem::take(&mut self.line);
        let parsed = self.parse(&line);
        self.line = line;
        match parsed.map_err(|why| self.damaged(&why))? {
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

    fn parse(&self, line: &[u8]) -> std::result::Result<Option<Record>, String> {
        // A list would be taken for an entry's fields.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err("this is no entry: it is no object".to_owned());
        }
        let line: Line<'_> =
            serde_json::from_slice(line).map_err(|e| format!("this is no entry ({e})"))?;
        if let Some(end) = line.end {
            let count = serde_json::from_str::<Option<u64>>(end.get())
                .map_err(|_| "the end is a number of entries, or null".to_owned())?;
            return match count {
                Some(count) if count != self.count => Err(format!(
                    "the file says that it has {count} entries and has {}; export again, or say \
                     {{\"end\":null}} here to import what is there",
                    self.count
                )),
                _ => Ok(None),
            };
        }
        let name = line.t.ok_or("the entry has no \"t\", the name of its table")?;
        let table = place_of(&self.tables, &name)
            .ok_or_else(|| format!("the first line does not name a table {name:?}"))?;
        let key = line.k.ok_or("the entry has no \"k\", its key")?;
        let key = serde_json::from_str::<JsonKey>(key.get()).map_err(|_| {
            "the key is no string, no 64-bit integer, no {\"b\":base64} and no list of these"
                .to_owned()
        })?;
        let value = line.v.ok_or("the entry has no \"v\", its value")?.get();
        let value: Value = if is_json(self.tables[table].storage) {
            codec::check(self.tables[table].storage, value.as_bytes())
                .map_err(|e| e.message().to_owned())?;
            Arc::from(value.as_bytes())
        } else {
            let text: std::borrow::Cow<'_, str> = serde_json::from_str(value)
                .map_err(|_| "the value is to be base64 in a string".to_owned())?;
            let bytes = BASE64.decode(text.as_bytes());
            Arc::from(bytes.map_err(|e| format!("the value is no base64 ({e})"))?)
        };
        Ok(Some(Record { table, key: key_of(key)?, value, expires_at: line.x }))
    }
}
