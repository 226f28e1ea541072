//! A buffer that is handed to an operation and comes back with its result.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// What direct I/O asks of a buffer's address, of offsets and of lengths, in bytes: enough for any
/// disk in use.
pub const ALIGNMENT: usize = 4096;

/// Owned bytes. For a read, its length says how many bytes are wanted; for a write, its bytes are
/// what is written. It derefs to `[u8]`.
///
/// ```
/// use dictsqlite_core::io::Buf;
///
/// let mut buf = Buf::from(b"abc".to_vec());
/// buf[0] = b'A';
/// assert_eq!(buf.into_vec(), b"Abc");
/// assert_eq!(Buf::aligned(4096).as_ptr().align_offset(4096), 0);
/// ```
#[derive(Default)]
pub struct Buf {
    /// Never grown while `start` is not 0, so that what was aligned stays so.
    bytes: Vec<u8>,
    start: usize,
}

impl Buf {
    /// `len` zeroes.
    pub fn zeroed(len: usize) -> Self {
        Self::from(vec![0; len])
    }

    /// `len` zeroes at an address that is a multiple of [`ALIGNMENT`], for files opened with
    /// `direct`.
    pub fn aligned(len: usize) -> Self {
        let mut bytes = vec![0; len + ALIGNMENT];
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        bytes.truncate(start + len);
        Self { bytes, start }
    }

    /// Cuts the buffer to its first `len` bytes; does nothing when it is no longer than that.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.start.saturating_add(len));
    }

    /// The bytes; copied when the buffer is aligned, moved otherwise.
    pub fn into_vec(self) -> Vec<u8> {
        if self.start == 0 { self.bytes } else { self.bytes[self.start..].to_vec() }
    }
}

impl From<Vec<u8>> for Buf {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }
}

impl Deref for Buf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl DerefMut for Buf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }
}

impl AsRef<[u8]> for Buf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buf({} bytes)", self.len())
    }
}
