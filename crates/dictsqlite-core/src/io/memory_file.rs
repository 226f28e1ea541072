//! A file in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::buf::Buf;
use super::errors;
use super::file::{AsyncFile, Kind, LockLevel, Sync, Transfer, VectoredTransfer};
use super::lock::{busy, check_lower, check_raise};
use crate::completion::Completion;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Mutex, RwLock};
use crate::vfs::fork;

/// How many bytes all files of a file system may have, and how many they have.
#[derive(Debug)]
pub(super) struct Space {
    most: u64,
    used: AtomicU64,
}

impl Space {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: AtomicU64::new(0) }
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let room = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.most);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(()),
            Err(_) => Err(full()),
        }
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn full() -> Error {
    Error::new(ErrorKind::Full, "the file system in memory is full; delete files or make it larger")
}

/// What a path leads to; it lives as long as it has a path or is open.
#[derive(Debug)]
pub(super) struct Node {
    bytes: RwLock<Vec<u8>>,
    space: Arc<Space>,
    holders: Mutex<Holders>,
}

#[derive(Debug, Default)]
struct Holders {
    shared: usize,
    reserved: bool,
    /// The holder of `Reserved` waits until the others are gone.
    pending: bool,
    exclusive: bool,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.space.give(self.bytes.read().len() as u64);
    }
}

impl Node {
    pub(super) fn new(space: Arc<Space>) -> Self {
        Self { bytes: RwLock::default(), space, holders: Mutex::default() }
    }

    pub(super) fn resize(&self, len: u64) -> Result<()> {
        let mut bytes = self.bytes.write();
        self.resize_locked(&mut bytes, len)
    }

    fn resize_locked(&self, bytes: &mut Vec<u8>, len: u64) -> Result<()> {
        let new = usize::try_from(len).map_err(|_| full())?;
        if new > bytes.len() {
            let more = new - bytes.len();
            self.space.take(more as u64)?;
            if bytes.try_reserve(more).is_err() {
                self.space.give(more as u64);
                return Err(full());
            }
        } else {
            self.space.give((bytes.len() - new) as u64);
        }
        bytes.resize(new, 0);
        Ok(())
    }

    fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let bytes = self.bytes.read();
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let there = &bytes[begin..];
        let count = there.len().min(buf.len());
        buf[..count].copy_from_slice(&there[..count]);
        count
    }

    fn write(&self, buf: &[u8], offset: u64) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut bytes = self.bytes.write();
        let end = offset + buf.len() as u64;
        if end > bytes.len() as u64 {
            self.resize_locked(&mut bytes, end)?;
        }
        // It fits into memory, since the file does.
        let begin = usize::try_from(offset).map_err(|_| full())?;
        bytes[begin..begin + buf.len()].copy_from_slice(buf);
        Ok(buf.len())
    }
}

#[derive(Debug)]
pub(super) struct MemoryFile {
    node: Arc<Node>,
    writable: bool,
    closed: AtomicBool,
    level: Mutex<LockLevel>,
    generation: u32,
}

impl MemoryFile {
    pub(super) fn new(node: Arc<Node>, writable: bool) -> Self {
        fork::watch();
        Self {
            node,
            writable,
            closed: AtomicBool::new(false),
            level: Mutex::new(LockLevel::None),
            generation: fork::generation(),
        }
    }

    fn check(&self) -> Result<()> {
        if self.generation != fork::generation() {
            Err(errors::inherited())
        } else if self.closed.load(Ordering::Acquire) {
            Err(errors::closed())
        } else {
            Ok(())
        }
    }

    fn check_write(&self) -> Result<()> {
        self.check()?;
        if self.writable { Ok(()) } else { Err(errors::read_only()) }
    }

    fn read(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.check()?;
        errors::check_range(offset, buf.len())?;
        Ok(self.node.read(buf, offset))
    }

    fn write(&self, buf: &[u8], offset: u64) -> Result<usize> {
        self.check_write()?;
        errors::check_range(offset, buf.len())?;
        self.node.write(buf, offset)
    }

    fn read_one(&self, mut buf: Buf, offset: u64) -> Transfer {
        let result = self.read(&mut buf, offset);
        Transfer { buf, result }
    }

    fn write_one(&self, buf: Buf, offset: u64) -> Transfer {
        let result = self.write(&buf, offset);
        Transfer { buf, result }
    }

    fn raise(&self, wanted: LockLevel) -> Result<()> {
        self.check()?;
        let mut level = self.level.lock();
        check_raise(*level, wanted)?;
        if wanted <= *level {
            return Ok(());
        }
        let mut holders = self.node.holders.lock();
        match wanted {
            LockLevel::None => {}
            LockLevel::Shared => {
                if holders.exclusive || holders.pending {
                    return Err(busy(wanted));
                }
                holders.shared += 1;
            }
            LockLevel::Reserved | LockLevel::Exclusive => {
                if *level == LockLevel::Shared {
                    if holders.reserved {
                        return Err(busy(wanted));
                    }
                    holders.reserved = true;
                    *level = LockLevel::Reserved;
                }
                if wanted == LockLevel::Exclusive {
                    if holders.shared > 1 {
                        holders.pending = true;
                        return Err(busy(wanted));
                    }
                    holders.exclusive = true;
                }
            }
        }
        *level = wanted;
        Ok(())
    }

    fn lower(&self, wanted: LockLevel) -> Result<()> {
        self.check()?;
        check_lower(wanted)?;
        self.let_go(wanted);
        Ok(())
    }

    fn let_go(&self, wanted: LockLevel) {
        let mut level = self.level.lock();
        let mut holders = self.node.holders.lock();
        if *level >= LockLevel::Reserved {
            holders.reserved = false;
            holders.pending = false;
            holders.exclusive = false;
        }
        if *level >= LockLevel::Shared && wanted == LockLevel::None {
            holders.shared -= 1;
        }
        *level = wanted.min(*level);
    }

    fn close_now(&self) {
        if self.generation == fork::generation() && !self.closed.swap(true, Ordering::AcqRel) {
            self.let_go(LockLevel::None);
        }
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.close_now();
    }
}

impl AsyncFile for MemoryFile {
    fn read_at(&self, buf: Buf, offset: u64) -> Completion<Transfer> {
        Completion::ready(Ok(self.read_one(buf, offset)))
    }

    fn write_at(&self, buf: Buf, offset: u64) -> Completion<Transfer> {
        Completion::ready(Ok(self.write_one(buf, offset)))
    }

    fn read_vectored_at(&self, mut bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer> {
        let result = self.check().and_then(|()| {
            let mut done = 0;
            for buf in &mut bufs {
                let count = self.read(buf, offset.saturating_add(done as u64))?;
                done += count;
                if count < buf.len() {
                    break;
                }
            }
            Ok(done)
        });
        Completion::ready(Ok(VectoredTransfer { bufs, result }))
    }

    fn write_vectored_at(&self, bufs: Vec<Buf>, offset: u64) -> Completion<VectoredTransfer> {
        let result = self.check_write().and_then(|()| {
            let mut done = 0;
            for buf in &bufs {
                done += self.write(buf, offset.saturating_add(done as u64))?;
            }
            Ok(done)
        });
        Completion::ready(Ok(VectoredTransfer { bufs, result }))
    }

    fn read_batch(&self, batch: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        let all = batch.into_iter().map(|(buf, offset)| self.read_one(buf, offset));
        Completion::ready(Ok(all.collect()))
    }

    fn write_batch(&self, batch: Vec<(Buf, u64)>) -> Completion<Vec<Transfer>> {
        let all = batch.into_iter().map(|(buf, offset)| self.write_one(buf, offset));
        Completion::ready(Ok(all.collect()))
    }

    fn sync(&self, _how: Sync) -> Completion<()> {
        Completion::ready(self.check())
    }

    fn truncate(&self, len: u64) -> Completion<()> {
        let truncated = self
            .check_write()
            .and_then(|()| errors::check_range(len, 0))
            .and_then(|()| self.node.resize(len));
        Completion::ready(truncated)
    }

    fn len(&self) -> Completion<u64> {
        Completion::ready(self.check().map(|()| self.node.bytes.read().len() as u64))
    }

    fn lock(&self, level: LockLevel) -> Completion<()> {
        Completion::ready(self.raise(level))
    }

    fn unlock(&self, level: LockLevel) -> Completion<()> {
        Completion::ready(self.lower(level))
    }

    fn check_reserved(&self) -> Completion<bool> {
        Completion::ready(self.check().map(|()| self.node.holders.lock().reserved))
    }

    fn close(&self) -> Completion<()> {
        if self.generation != fork::generation() {
            return Completion::ready(Err(errors::inherited()));
        }
        self.close_now();
        Completion::ready(Ok(()))
    }

    fn kind(&self) -> Kind {
        Kind::Memory
    }
}
