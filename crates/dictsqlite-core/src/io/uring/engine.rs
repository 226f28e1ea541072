//! The ring's thread.
//!
//! Whatever the kernel may still read or write is owned by a flight in `flights`, and a flight is
//! removed only when its completion has been reaped. So no caller can free a buffer or close a
//! descriptor under the kernel, whatever becomes of the futures.

#![allow(unsafe_code)] // The kernel is given pointers.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::{IoUring, Probe, opcode, squeue, types};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use slab::Slab;

use super::Ring;
use super::task::{Direction, Task, Together, Work};
use crate::completion::Completer;
use crate::error::{Error, ErrorKind, Result};
use crate::io::buf::Buf;
use crate::io::errors;
use crate::io::file::{Sync, Transfer};
use crate::io::os::Open;
use crate::io::pool::contained;

/// Requests the kernel has at a time, at most: its queue of completions is twice as long, so it never
/// overflows.
const DEPTH: u32 = 256;
/// One request transfers at most so many bytes; the kernel's own limit is just below twice that.
const MOST_BYTES: usize = 1 << 30;
/// How long to wait before what the kernel had no memory for is tried again.
const PATIENCE: Duration = Duration::from_millis(1);

/// Something the kernel has, or will be given.
struct Flight {
    open: Arc<Open>,
    load: Load,
}

enum Load {
    Transfer { direction: Direction, buf: Buf, offset: u64, done: usize, to: To },
    Sync { how: Sync, to: Completer<()> },
}

enum To {
    One(Completer<Transfer>),
    /// A place in a group.
    Part(usize, usize),
}

/// Transfers that are answered together.
struct Group {
    transfers: Vec<Option<Transfer>>,
    missing: usize,
    to: Together,
}

pub(super) struct Engine {
    ring: IoUring,
    shared: Arc<Ring>,
    flights: Slab<Flight>,
    groups: Slab<Group>,
    /// Flights to be given to the kernel.
    waiting: VecDeque<usize>,
    /// Flights the kernel has.
    flying: u32,
    reaped: Vec<(u64, i32)>,
}

impl Engine {
    /// Sets the ring up and looks whether it can do what it is for.
    pub(super) fn new(shared: Arc<Ring>) -> std::result::Result<Self, String> {
        let ring = IoUring::builder()
            .dontfork()
            .build(DEPTH)
            .map_err(|e| format!("the kernel gives no io_uring: {e}"))?;
        let mut probe = Probe::new();
        ring.submitter()
            .register_probe(&mut probe)
            .map_err(|e| format!("the kernel's io_uring cannot be asked what it does: {e}"))?;
        for code in [opcode::Read::CODE, opcode::Write::CODE, opcode::Fsync::CODE] {
            if !probe.is_supported(code) {
                return Err(format!("the kernel's io_uring lacks operation {code}"));
            }
        }
        let mut engine = Self {
            ring,
            shared,
            flights: Slab::new(),
            groups: Slab::new(),
            waiting: VecDeque::new(),
            flying: 0,
            reaped: Vec::new(),
        };
        engine.try_out()?;
        Ok(engine)
    }

    /// One request there and back: some sandboxes let a ring be made and nothing be done with it.
    fn try_out(&mut self) -> std::result::Result<(), String> {
        let nop = opcode::Nop::new().build();
        // SAFETY: it refers to no memory.
        let pushed = unsafe { self.ring.submission().push(&nop) };
        pushed.map_err(|e| format!("io_uring takes no request: {e}"))?;
        self.ring.submit_and_wait(1).map_err(|e| format!("io_uring does nothing: {e}"))?;
        match self.ring.completion().next() {
            Some(done) if done.result() == 0 => Ok(()),
            _ => Err("io_uring did not complete a request that does nothing".to_owned()),
        }
    }

    /// Works until the ring breaks, which it should not.
    pub(super) fn run(mut self) {
        loop {
            let idle = self.waiting.is_empty() && self.ring.submission().is_empty();
            let tasks = self.shared.receive(idle);
            let sleeps = idle && tasks.is_empty();
            tasks.into_iter().for_each(|task| self.take(task));
            self.push();
            if self.submit().is_err() {
                break;
            }
            let waits = sleeps || self.flying >= DEPTH && self.ring.submission().is_empty();
            // What the kernel did at once is reaped before more is waited for.
            if !self.reap() && waits && self.sleep().is_err() {
                break;
            }
        }
    }

    /// Gives the kernel what was pushed; what it has no memory for stays for the next time.
    fn submit(&mut self) -> io::Result<()> {
        if self.ring.submission().is_empty() {
            return Ok(());
        }
        match self.ring.submit() {
            Ok(_) => Ok(()),
            Err(e) => match e.raw_os_error() {
                Some(libc::EINTR) => Ok(()),
                Some(libc::EAGAIN | libc::EBUSY | libc::ENOMEM) => {
                    std::thread::sleep(PATIENCE);
                    Ok(())
                }
                _ => Err(e),
            },
        }
    }

    fn take(&mut self, task: Task) {
        let Task { open, work } = task;
        match work {
            Work::One { direction, buf, offset, done, to } => {
                let load = Load::Transfer { direction, buf, offset, done, to: To::One(to) };
                self.begin(Flight { open, load });
            }
            Work::Sync { how, to } => self.begin(Flight { open, load: Load::Sync { how, to } }),
            Work::Many { direction, requests, to } => {
                self.take_many(&open, direction, requests, to);
            }
        }
    }

    fn take_many(
        &mut self,
        open: &Arc<Open>,
        direction: Direction,
        requests: Vec<(Buf, u64)>,
        to: Together,
    ) {
        let count = requests.len();
        let transfers = std::iter::repeat_with(|| None).take(count).collect();
        // One more is missing until all have begun, so that it cannot end before.
        let group = self.groups.insert(Group { transfers, missing: count + 1, to });
        for (index, (buf, offset)) in requests.into_iter().enumerate() {
            let checked = match direction {
                Direction::Read => open.check_read(offset, buf.len()),
                Direction::Write => open.check_write(offset, buf.len()),
            };
            match checked {
                Ok(()) if buf.is_empty() => {
                    self.put(group, Some((index, Transfer { buf, result: Ok(0) })));
                }
                Ok(()) => {
                    let to = To::Part(group, index);
                    let load = Load::Transfer { direction, buf, offset, done: 0, to };
                    self.begin(Flight { open: Arc::clone(open), load });
                }
                Err(e) => self.put(group, Some((index, Transfer::failed(buf, e)))),
            }
        }
        self.put(group, None);
    }

    fn begin(&mut self, flight: Flight) {
        let key = self.flights.insert(flight);
        self.waiting.push_back(key);
    }

    /// Puts a transfer into its group, and answers the group when that was the last one.
    fn put(&mut self, key: usize, transfer: Option<(usize, Transfer)>) {
        let group = &mut self.groups[key];
        if let Some((index, transfer)) = transfer {
            group.transfers[index] = Some(transfer);
        }
        group.missing -= 1;
        if group.missing == 0 {
            let Group { transfers, to, .. } = self.groups.remove(key);
            contained(|| to.complete(transfers.into_iter().flatten().collect()));
        }
    }

    /// Sleeps until the kernel has completed something, or somebody wakes this thread. By `poll` rather
    /// than in the ring's own call, so that the wake counter needs no request, and no memory, of its own.
    fn sleep(&self) -> rustix::io::Result<()> {
        // SAFETY: the ring is not closed before `self` is dropped.
        let ring = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) };
        let wake = &self.shared.wake;
        let mut both = [PollFd::new(&ring, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        match rustix::event::poll(&mut both, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
        if both[1].revents().contains(PollFlags::IN) {
            rustix::io::read(wake, &mut [0_u8; 8])?;
        }
        Ok(())
    }

    /// Gives the kernel what waits, as far as there is room.
    fn push(&mut self) {
        let mut submission = self.ring.submission();
        while self.flying < DEPTH
            && let Some(&key) = self.waiting.front()
        {
            let entry = self.flights[key].entry().user_data(key as u64);
            // SAFETY: what the entry points to is owned by the flight, which stays where it points
            // until it is reaped: a buffer's bytes are on the heap, and `Open` keeps the descriptor.
            if unsafe { submission.push(&entry).is_err() } {
                break;
            }
            self.waiting.pop_front();
            self.flying += 1;
        }
    }

    /// True when there was something.
    fn reap(&mut self) -> bool {
        let mut reaped = std::mem::take(&mut self.reaped);
        reaped.extend(self.ring.completion().map(|done| (done.user_data(), done.result())));
        let some = !reaped.is_empty();
        for (key, result) in reaped.drain(..) {
            self.flying -= 1;
            // It was given to the kernel as a `usize`.
            self.end(key as usize, result);
        }
        self.reaped = reaped;
        some
    }

    /// The kernel is done with a flight, or with a part of it.
    fn end(&mut self, key: usize, code: i32) {
        if code == -libc::EINTR || code == -libc::EAGAIN || self.flights[key].goes_on(code) {
            self.waiting.push_back(key);
            return;
        }
        let Flight { open, load } = self.flights.remove(key);
        let failed = (code < 0).then(|| io::Error::from_raw_os_error(-code));
        match load {
            Load::Sync { to, .. } => {
                let result = failed.map_or(Ok(()), |e| Err(errors::error("sync", &e)));
                contained(|| to.complete(result));
            }
            Load::Transfer { direction, buf, done, to, .. } => {
                let result = outcome(&open, direction, done, buf.len(), failed);
                let transfer = Transfer { buf, result };
                match to {
                    To::One(to) => contained(|| to.complete(Ok(transfer))),
                    To::Part(group, index) => self.put(group, Some((index, transfer))),
                }
            }
        }
        // Whoever waits for the file's closing hears of it last.
        drop(open);
    }
}

/// What a transfer came to, after `done` of `wanted` bytes.
fn outcome(
    open: &Open,
    direction: Direction,
    done: usize,
    wanted: usize,
    failed: Option<io::Error>,
) -> Result<usize> {
    match (failed, direction) {
        (Some(e), Direction::Read) => Err(open.failed("read", &e)),
        (Some(e), Direction::Write) => Err(open.failed("write", &e)),
        (None, Direction::Write) if done < wanted => {
            Err(Error::new(ErrorKind::Io, format!("only {done} of {wanted} bytes were written")))
        }
        (None, _) => Ok(done),
    }
}

impl Flight {
    fn descriptor(&self) -> RawFd {
        // An `Open` that somebody holds has its file.
        self.open.file().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// The request for what is still to be done.
    fn entry(&mut self) -> squeue::Entry {
        let fd = types::Fd(self.descriptor());
        match &mut self.load {
            Load::Sync { how, .. } => {
                let flags = match how {
                    Sync::Data => types::FsyncFlags::DATASYNC,
                    Sync::Full => types::FsyncFlags::empty(),
                };
                opcode::Fsync::new(fd).flags(flags).build()
            }
            Load::Transfer { direction, buf, offset, done, .. } => {
                let at = *offset + *done as u64;
                let rest = &mut buf[*done..];
                // At most 2^30, so it is no other number as a `u32`.
                let len = rest.len().min(MOST_BYTES) as u32;
                match direction {
                    Direction::Read => {
                        opcode::Read::new(fd, rest.as_mut_ptr(), len).offset(at).build()
                    }
                    Direction::Write => {
                        opcode::Write::new(fd, rest.as_ptr(), len).offset(at).build()
                    }
                }
            }
        }
    }

    /// Counts what was transferred; true when the rest is to be asked for.
    fn goes_on(&mut self, code: i32) -> bool {
        let Load::Transfer { buf, done, .. } = &mut self.load else { return false };
        let Ok(count @ 1..) = usize::try_from(code) else { return false };
        *done += count;
        *done < buf.len() && !self.open.ends_at(*done)
    }
}

impl Drop for Engine {
    /// The ring broke. What the kernel may still use is kept for ever; those who wait are told.
    fn drop(&mut self) {
        for task in self.shared.give_up() {
            contained(|| task.run());
        }
        for (_, Flight { open, load }) in std::mem::take(&mut self.flights) {
            std::mem::forget(open);
            match load {
                Load::Transfer { buf, to, .. } => {
                    std::mem::forget(buf);
                    contained(|| drop(to));
                }
                Load::Sync { to, .. } => contained(|| drop(to)),
            }
        }
    }
}
