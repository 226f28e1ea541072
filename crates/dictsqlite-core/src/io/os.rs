//! An open file of the operating system, and the blocking calls on it that the back ends make.

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};

use super::buf::{ALIGNMENT, Buf};
use super::errors;
use super::file::{LockLevel, Sync, Transfer, VectoredTransfer};
use super::lock::Locks;
use crate::completion::{self, Completer, Completion};
use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::vfs::fork;

/// What direct I/O counts in at least.
const SECTOR: usize = 512;

/// A descriptor, held by everybody who may still use it, and closed with the last of them.
#[derive(Debug)]
pub(super) struct Open {
    /// `None` only while it is dropped.
    file: Option<File>,
    pub(super) writable: bool,
    pub(super) direct: bool,
    /// The file system cannot say that a read would wait.
    #[cfg(target_os = "linux")]
    no_nowait: AtomicBool,
    /// The generation of forks that opened it.
    generation: u32,
    locks: Mutex<Locks>,
    closing: Mutex<Closing>,
}

#[derive(Default)]
struct Closing {
    waiters: Vec<Completer<()>>,
}

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} waiters", self.waiters.len())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.file.take());
        // What waited in the parent of a fork is not waited for here.
        if self.generation == fork::generation() {
            for waiter in std::mem::take(&mut self.closing.lock().waiters) {
                waiter.complete(Ok(()));
            }
        } else if let Some(mut closing) = self.closing.try_lock() {
            std::mem::forget(std::mem::take(&mut closing.waiters));
        }
    }
}

impl Open {
    pub(super) fn new(file: File, writable: bool, direct: bool) -> Self {
        Self {
            file: Some(file),
            writable,
            direct,
            #[cfg(target_os = "linux")]
            no_nowait: AtomicBool::new(false),
            generation: fork::generation(),
            locks: Mutex::default(),
            closing: Mutex::default(),
        }
    }

    /// Is done when the descriptor is closed.
    pub(super) fn closed(&self) -> Completion<()> {
        let (completer, completion) = completion::pair();
        self.closing.lock().waiters.push(completer);
        completion
    }

    pub(super) fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::Error::other("the file is closed"))
    }

    /// Whether a transfer that stopped after `done` bytes is at the file's end: what direct I/O gives
    /// besides whole sectors is the last of the file, and could not be gone on from.
    pub(super) fn ends_at(&self, done: usize) -> bool {
        self.direct && !done.is_multiple_of(SECTOR)
    }

    /// What must hold before `len` bytes are read at `offset`, which no system call says as well.
    pub(super) fn check_read(&self, offset: u64, len: usize) -> Result<()> {
        errors::check_range(offset, len)
    }

    /// The same for writing.
    pub(super) fn check_write(&self, offset: u64, len: usize) -> Result<()> {
        if !self.writable {
            return Err(errors::read_only());
        }
        errors::check_range(offset, len)
    }

    /// The error of a transfer.
    pub(super) fn failed(&self, what: &str, e: &io::Error) -> Error {
        if self.direct && e.kind() == io::ErrorKind::InvalidInput {
            return Error::invalid(format!(
                "cannot {what}: direct I/O takes buffers at addresses, and offsets and lengths, that \
                 are multiples of {ALIGNMENT}; use Buf::aligned"
            ));
        }
        errors::error(what, e)
    }

    pub(super) fn read(&self, mut buf: Buf, offset: u64) -> Transfer {
        let checked = self.check_read(offset, buf.len());
        let read = |()| self.fill(&mut buf, offset).map_err(|e| self.failed("read", &e));
        let result = checked.and_then(read);
        Transfer { buf, result }
    }

    fn fill(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let file = self.file()?;
        let mut done = 0;
        while done < buf.len() && !self.ends_at(done) {
            match read_some(file, &mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }

    /// Reads what the page cache has, without waiting for the disk: how much that was, and whether there
    /// is no more to be read.
    #[cfg(target_os = "linux")]
    pub(super) fn read_cached(&self, buf: &mut [u8], offset: u64) -> (usize, bool) {
        use rustix::io::{Errno, ReadWriteFlags, preadv2};
        let mut done = 0;
        // With direct I/O it would wait for the disk.
        let Some(file) = self.file.as_ref().filter(|_| !self.direct && self.has_nowait()) else {
            return (0, false);
        };
        while done < buf.len() {
            let mut rest = [io::IoSliceMut::new(&mut buf[done..])];
            let flags = ReadWriteFlags::NOWAIT;
            match preadv2(file, &mut rest, offset + done as u64, flags) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(e) => {
                    if matches!(e, Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) {
                        self.no_nowait.store(true, Ordering::Relaxed);
                    }
                    // Whoever reads the rest is told of other errors.
                    return (done, false);
                }
            }
        }
        (done, true)
    }

    #[cfg(target_os = "linux")]
    fn has_nowait(&self) -> bool {
        !self.no_nowait.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, buf: Buf, offset: u64) -> Transfer {
        let checked = self.check_write(offset, buf.len());
        let write = |()| self.put(&buf, offset).map_err(|e| self.failed("write", &e));
        let result = checked.and_then(write);
        Transfer { buf, result }
    }

    fn put(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let file = self.file()?;
        let mut done = 0;
        while done < buf.len() {
            match write_some(file, &buf[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }

    pub(super) fn read_vectored(&self, mut bufs: Vec<Buf>, offset: u64) -> VectoredTransfer {
        let wanted = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        if let Err(e) = self.check_read(offset, wanted) {
            return VectoredTransfer { bufs, result: Err(e) };
        }
        let mut result = self.file().and_then(|file| read_vector(file, &mut bufs, offset));
        // What the one call left is read by buffer: it is rare.
        if let Ok(done) = result
            && done > 0
            && done < wanted
            && !self.ends_at(done)
        {
            result = self.rest(&mut bufs, offset, done, |part, at| self.fill(part, at));
        }
        VectoredTransfer { bufs, result: result.map_err(|e| self.failed("read", &e)) }
    }

    pub(super) fn write_vectored(&self, mut bufs: Vec<Buf>, offset: u64) -> VectoredTransfer {
        let wanted = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        if let Err(e) = self.check_write(offset, wanted) {
            return VectoredTransfer { bufs, result: Err(e) };
        }
        let mut result = self.file().and_then(|file| write_vector(file, &bufs, offset));
        if let Ok(done) = result
            && done < wanted
        {
            result = self.rest(&mut bufs, offset, done, |part, at| self.put(part, at));
        }
        VectoredTransfer { bufs, result: result.map_err(|e| self.failed("write", &e)) }
    }

    /// Goes on with a vectored transfer after its first `done` bytes.
    fn rest(
        &self,
        bufs: &mut [Buf],
        offset: u64,
        done: usize,
        transfer: impl Fn(&mut [u8], u64) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut begin = 0;
        let mut total = done;
        for buf in bufs {
            let end = begin + buf.len();
            if end > total {
                total += transfer(&mut buf[total - begin..], offset + total as u64)?;
                if total < end {
                    break;
                }
            }
            begin = end;
        }
        Ok(total)
    }

    pub(super) fn sync(&self, how: Sync) -> Result<()> {
        let synced = self.file().and_then(|file| match how {
            Sync::Data => file.sync_data(),
            Sync::Full => file.sync_all(),
        });
        synced.map_err(|e| errors::error("sync", &e))
    }

    pub(super) fn truncate(&self, len: u64) -> Result<()> {
        self.check_write(len, 0)?;
        self.file()
            .and_then(|file| file.set_len(len))
            .map_err(|e| errors::error("change the file's length", &e))
    }

    pub(super) fn len(&self) -> Result<u64> {
        let metadata = self.file().and_then(File::metadata);
        metadata.map(|metadata| metadata.len()).map_err(|e| errors::error("ask the length", &e))
    }

    pub(super) fn lock(&self, level: LockLevel) -> Result<()> {
        let file = self.file().map_err(|e| errors::error("lock", &e))?;
        self.locks.lock().raise(file, level)
    }

    pub(super) fn unlock(&self, level: LockLevel) -> Result<()> {
        let file = self.file().map_err(|e| errors::error("unlock", &e))?;
        self.locks.lock().lower(file, level)
    }

    pub(super) fn check_reserved(&self) -> Result<bool> {
        let file = self.file().map_err(|e| errors::error("look at the locks", &e))?;
        self.locks.lock().is_reserved(file)
    }
}

#[cfg(unix)]
fn read_some(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(unix)]
fn write_some(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, buf, offset)
}

#[cfg(windows)]
fn read_some(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

#[cfg(windows)]
fn write_some(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, buf, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_some(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(unix, windows)))]
fn write_some(_: &File, _: &[u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As many buffers as one call takes.
#[cfg(target_os = "linux")]
const MOST_AT_ONCE: usize = 1024;

/// One call for as much as it reads.
#[cfg(target_os = "linux")]
fn read_vector(file: &File, bufs: &mut [Buf], offset: u64) -> io::Result<usize> {
    let slices = bufs.iter_mut().take(MOST_AT_ONCE).map(|buf| io::IoSliceMut::new(buf));
    let mut slices: Vec<_> = slices.collect();
    let read = rustix::io::retry_on_intr(|| rustix::io::preadv(file, &mut slices, offset));
    read.map_err(io::Error::from)
}

/// One call for as much as it writes.
#[cfg(target_os = "linux")]
fn write_vector(file: &File, bufs: &[Buf], offset: u64) -> io::Result<usize> {
    let slices = bufs.iter().take(MOST_AT_ONCE).map(|buf| io::IoSlice::new(buf));
    let slices: Vec<_> = slices.collect();
    let written = rustix::io::retry_on_intr(|| rustix::io::pwritev(file, &slices, offset));
    written.map_err(io::Error::from)
}

/// The first buffer that has bytes; the others follow one by one.
#[cfg(not(target_os = "linux"))]
fn read_vector(file: &File, bufs: &mut [Buf], offset: u64) -> io::Result<usize> {
    let first = bufs.iter_mut().find(|buf| !buf.is_empty());
    first.map_or(Ok(0), |buf| read_some(file, buf, offset))
}

#[cfg(not(target_os = "linux"))]
fn write_vector(file: &File, bufs: &[Buf], offset: u64) -> io::Result<usize> {
    let first = bufs.iter().find(|buf| !buf.is_empty());
    first.map_or(Ok(0), |buf| write_some(file, buf, offset))
}
