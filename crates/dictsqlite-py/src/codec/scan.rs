//! Pickle, one opcode at a time. Knows bytes only: no Python, nothing is built, nothing is allocated.
//!
//! Every length is held against the end of the data before it is believed, and opcodes that the codec never
//! obeys (persistent ids, the extension registry, `INST`, `OBJ`, out-of-band buffers, Python 2 strings) are
//! refused here by name.

use std::fmt;

/// Why a stream cannot be read as a pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// The stream ends, or a length inside it points past its end.
    Truncated { at: usize },
    /// An opcode that is known and never obeyed.
    Forbidden { at: usize, name: &'static str },
    /// A byte that is no opcode.
    Unknown { at: usize, byte: u8 },
    /// An argument that no pickler writes.
    Argument { at: usize, what: &'static str },
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { at } => write!(f, "it is cut short at byte {at}"),
            Self::Forbidden { at, name } => write!(f, "the opcode {name} at byte {at}"),
            Self::Unknown { at, byte } => write!(f, "byte {at} (0x{byte:02x}) is no pickle opcode"),
            Self::Argument { at, what } => write!(f, "{what} at byte {at}"),
        }
    }
}

/// One opcode with its checked argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op<'a> {
    Proto(u8),
    Frame,
    Stop,
    Mark,
    Pop,
    PopMark,
    Dup,
    None,
    Bool(bool),
    Int(i64),
    /// Two's complement, little endian, any length.
    Long(&'a [u8]),
    Float(f64),
    /// The digits of a protocol 0 integer, `L` removed.
    LongText(&'a str),
    FloatText(&'a str),
    /// UTF-8, where lone surrogates may stand.
    Str(&'a [u8]),
    /// Raw unicode escape, of protocol 0.
    RawStr(&'a [u8]),
    Bytes(&'a [u8]),
    ByteArray(&'a [u8]),
    EmptyTuple,
    Tuple,
    /// The topmost 1, 2 or 3 items become a tuple.
    TupleOf(usize),
    EmptyList,
    List,
    Append,
    Appends,
    EmptyDict,
    Dict,
    SetItem,
    SetItems,
    EmptySet,
    AddItems,
    FrozenSet,
    Memoize,
    Put(usize),
    Get(usize),
    Global {
        module: &'a str,
        name: &'a str,
    },
    StackGlobal,
    Reduce,
    Build,
    NewObj,
    NewObjEx,
}

impl Op<'_> {
    /// Whether the opcode can name or run something, so that only a policy may obey it.
    pub(crate) fn is_active(&self) -> bool {
        matches!(
            self,
            Op::Global { .. }
                | Op::StackGlobal
                | Op::Reduce
                | Op::Build
                | Op::NewObj
                | Op::NewObjEx
        )
    }
}

/// What a whole stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Some opcode names a global, calls, or sets state.
    pub(crate) active: bool,
    /// How many opcodes make a tuple or frozenset: these nest no deeper than this.
    pub(crate) nests: usize,
}

/// Walks a whole stream and says what it is made of.
pub(crate) fn scan(data: &[u8]) -> Result<Shape, ScanError> {
    let mut reader = Reader::new(data);
    let mut shape = Shape { active: false, nests: 0 };
    loop {
        match reader.next_op()? {
            Op::Stop => return Ok(shape),
            Op::Tuple | Op::TupleOf(_) | Op::FrozenSet => shape.nests += 1,
            op => shape.active |= op.is_active(),
        }
    }
}

/// Reads opcodes from the front of a stream.
pub(crate) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    ops: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first byte of `data`.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, ops: 0 }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ScanError> {
        match self.data.get(self.at..).and_then(|rest| rest.get(..len)) {
            Some(bytes) => {
                self.at += len;
                Ok(bytes)
            }
            None => Err(ScanError::Truncated { at: self.at }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ScanError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| ScanError::Truncated { at })
    }

    fn u8(&mut self) -> Result<u8, ScanError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, ScanError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn sized1(&mut self) -> Result<&'a [u8], ScanError> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    fn sized4(&mut self) -> Result<&'a [u8], ScanError> {
        let at = self.at;
        let len = self.u32()?;
        self.take(usize::try_from(len).map_err(|_| ScanError::Truncated { at })?)
    }

    /// `BINBYTES` and `LONG4` carry a signed length in older picklers; a negative one is past any end anyway.
    fn sized8(&mut self) -> Result<&'a [u8], ScanError> {
        let at = self.at;
        let len = u64::from_le_bytes(self.array()?);
        self.take(usize::try_from(len).map_err(|_| ScanError::Truncated { at })?)
    }

    fn line(&mut self) -> Result<&'a [u8], ScanError> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(len) => {
                self.at += len + 1;
                Ok(&rest[..len])
            }
            None => Err(ScanError::Truncated { at: self.data.len() }),
        }
    }

    fn text_line(&mut self) -> Result<&'a str, ScanError> {
        let at = self.at;
        std::str::from_utf8(self.line()?)
            .map_err(|_| ScanError::Argument { at, what: "text that is not UTF-8" })
    }

    /// A number as the text protocols write it: an optional minus and decimal digits, nothing Python is lenient about.
    fn digits(&mut self, long: bool) -> Result<&'a str, ScanError> {
        let at = self.at;
        let line = self.text_line()?;
        let text = if long { line.strip_suffix('L').unwrap_or(line) } else { line };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if unsigned.is_empty()
            || !unsigned.bytes().all(|b| b.is_ascii_digit())
            || is_octal(text, long)
        {
            return Err(ScanError::Argument { at, what: "an integer with no or odd digits" });
        }
        Ok(text)
    }

    /// A pickler numbers what it remembers, so no index exceeds the opcodes before it. A larger one would only make
    /// the reader allocate.
    fn memo(&mut self, at: usize, index: Option<usize>) -> Result<usize, ScanError> {
        match index {
            Some(index) if index <= self.ops => Ok(index),
            _ => Err(ScanError::Argument { at, what: "an absurd memo index" }),
        }
    }

    fn text_memo(&mut self, at: usize) -> Result<usize, ScanError> {
        let index = self.text_line()?.parse().ok();
        self.memo(at, index)
    }

    fn wide_memo(&mut self, at: usize) -> Result<usize, ScanError> {
        let index = usize::try_from(self.u32()?).ok();
        self.memo(at, index)
    }

    /// The next opcode. `Stop` must be the last byte.
    #[inline(always)]
    pub(crate) fn next_op(&mut self) -> Result<Op<'a>, ScanError> {
        let at = self.at;
        let code = self.u8()?;
        self.ops += 1;
        Ok(match code {
            0x8c => Op::Str(self.sized1()?),
            b'X' => Op::Str(self.sized4()?),
            0x8d => Op::Str(self.sized8()?),
            0x94 => Op::Memoize,
            b'K' => Op::Int(i64::from(self.u8()?)),
            b'M' => Op::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'J' => Op::Int(i64::from(i32::from_le_bytes(self.array()?))),
            0x8a => long(self.sized1()?),
            0x8b => long(self.sized4()?),
            b'G' => Op::Float(f64::from_be_bytes(self.array()?)),
            b'N' => Op::None,
            0x88 => Op::Bool(true),
            0x89 => Op::Bool(false),
            b'C' => Op::Bytes(self.sized1()?),
            b'B' => Op::Bytes(self.sized4()?),
            0x8e => Op::Bytes(self.sized8()?),
            0x96 => Op::ByteArray(self.sized8()?),
            b'(' => Op::Mark,
            b'}' => Op::EmptyDict,
            b'u' => Op::SetItems,
            b's' => Op::SetItem,
            b']' => Op::EmptyList,
            b'e' => Op::Appends,
            b'a' => Op::Append,
            b')' => Op::EmptyTuple,
            0x85..=0x87 => Op::TupleOf(usize::from(code - 0x84)),
            b't' => Op::Tuple,
            b'h' => {
                let index = self.u8()?;
                Op::Get(self.memo(at, Some(usize::from(index)))?)
            }
            b'j' => Op::Get(self.wide_memo(at)?),
            0x8f => Op::EmptySet,
            0x90 => Op::AddItems,
            0x91 => Op::FrozenSet,
            0x93 => Op::StackGlobal,
            b'R' => Op::Reduce,
            b'b' => Op::Build,
            0x81 => Op::NewObj,
            0x92 => Op::NewObjEx,
            b'.' => {
                if self.at != self.data.len() {
                    return Err(ScanError::Argument {
                        at: self.at,
                        what: "bytes after the end of the pickle",
                    });
                }
                Op::Stop
            }
            0x95 => {
                let len = u64::from_le_bytes(self.array()?);
                let left = self.data.len() - self.at;
                if usize::try_from(len).map_or(true, |len| len > left) {
                    return Err(ScanError::Truncated { at });
                }
                Op::Frame
            }
            _ => return self.rare_op(at, code),
        })
    }

    #[cold]
    fn rare_op(&mut self, at: usize, code: u8) -> Result<Op<'a>, ScanError> {
        let forbidden = |name| Err(ScanError::Forbidden { at, name });
        Ok(match code {
            0x80 => {
                let version = self.u8()?;
                // Elsewhere it would change the meaning of names half way through.
                if at != 0 || version > 5 {
                    return Err(ScanError::Argument {
                        at,
                        what: "an unknown or misplaced pickle protocol",
                    });
                }
                Op::Proto(version)
            }
            b'q' => {
                let index = self.u8()?;
                Op::Put(self.memo(at, Some(usize::from(index)))?)
            }
            b'r' => Op::Put(self.wide_memo(at)?),
            b'p' => Op::Put(self.text_memo(at)?),
            b'g' => Op::Get(self.text_memo(at)?),
            b'0' => Op::Pop,
            b'1' => Op::PopMark,
            b'2' => Op::Dup,
            b'l' => Op::List,
            b'd' => Op::Dict,
            b'V' => Op::RawStr(self.line()?),
            b'I' => match self.digits(false)? {
                "00" => Op::Bool(false),
                "01" => Op::Bool(true),
                text => Op::LongText(text),
            },
            b'L' => Op::LongText(self.digits(true)?),
            b'F' => Op::FloatText(self.text_line()?),
            b'c' => Op::Global { module: self.text_line()?, name: self.text_line()? },
            b'P' => return forbidden("PERSID"),
            b'Q' => return forbidden("BINPERSID"),
            0x82 => return forbidden("EXT1"),
            0x83 => return forbidden("EXT2"),
            0x84 => return forbidden("EXT4"),
            b'i' => return forbidden("INST"),
            b'o' => return forbidden("OBJ"),
            0x97 => return forbidden("NEXT_BUFFER"),
            0x98 => return forbidden("READONLY_BUFFER"),
            b'S' => return forbidden("STRING"),
            b'T' => return forbidden("BINSTRING"),
            b'U' => return forbidden("SHORT_BINSTRING"),
            byte => return Err(ScanError::Unknown { at, byte }),
        })
    }
}

/// A leading zero makes a number octal to one reader and an error to another; `I00` and `I01` are the booleans.
fn is_octal(text: &str, long: bool) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    unsigned.len() > 1 && unsigned.starts_with('0') && (long || !matches!(text, "00" | "01"))
}

/// Integers that fit a machine word need no detour through Python.
fn long(bytes: &[u8]) -> Op<'_> {
    if bytes.len() > 8 {
        return Op::Long(bytes);
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut word = [if negative { 0xff } else { 0 }; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    Op::Int(i64::from_le_bytes(word))
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
