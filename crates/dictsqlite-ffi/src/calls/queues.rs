//! Queues of finished operations, and cancelling.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use crate::guard::{give, guard};
use crate::operation::queue_of;
use crate::queue::{QUEUES, Queue};
use crate::raw::{dictsqlite_code, dictsqlite_error, dictsqlite_op, dictsqlite_queue};

/// Opens a queue: what asynchronous operations that name it have finished waits there until
/// `dictsqlite_queue_run` calls back, on the thread that runs it. Close it with `dictsqlite_queue_close`. In the child
/// of a fork a queue of the parent gives CLOSED.
/// Errors: IO (no descriptor left), FULL (65536 queues are open).
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_queue_open(
    queue: Option<&mut MaybeUninit<dictsqlite_queue>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(queue, error, || Ok(dictsqlite_queue { id: QUEUES.insert(Arc::new(Queue::watched()?))? }))
}

/// Gives a descriptor that is readable while callbacks wait, for `poll`, `epoll` or an event loop; -1 where the
/// system has none. It is the queue's: do not read from it, write to it or close it.
/// Errors: CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_queue_descriptor(
    queue: dictsqlite_queue,
    descriptor: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(descriptor, error, || QUEUES.with(queue.id, |queue| queue.descriptor()))
}

/// Calls back on this thread what is finished, and gives how many that were. While nothing is but operations are
/// under way, it waits: for at most `timeout_ms` milliseconds, 0 for not at all, below 0 without end. What finishes
/// while callbacks run is left for the next time, so that an event loop turns.
/// Callbacks may start operations, call any function, and run the queue again. `count` may be NULL.
/// Errors: CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_queue_run(
    queue: dictsqlite_queue,
    timeout_ms: i64,
    count: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    let mut unwanted = MaybeUninit::uninit();
    give(Some(count.unwrap_or(&mut unwanted)), error, || {
        let limit = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        QUEUES.get(queue.id)?.run(limit)
    })
}

/// Gives how many operations were not called back yet.
/// Errors: CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_queue_pending(
    queue: dictsqlite_queue,
    count: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    give(count, error, || QUEUES.with(queue.id, |queue| queue.pending()))
}

/// Closes a queue that is empty.
/// Errors: BUSY while operations are under way or wait to be called back: run it until `dictsqlite_queue_pending`
/// is 0, which takes no longer than the longest timeout. CLOSED if it is closed already, which does no harm.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_queue_close(
    queue: dictsqlite_queue,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    guard(error, || {
        QUEUES.with(queue.id, |queue| queue.close())?;
        QUEUES.remove(queue.id)
    })
}

/// Cancels an asynchronous operation. `cancelled` says whether that worked: then it never happens (or, if it only reads,
/// its result is thrown away; an import leaves what it had written), and its callback is called with CANCELLED. Otherwise
/// it was accepted or is done, and the callback is called with what comes of it. `cancelled` may be NULL.
/// Errors: CLOSED when the queue of the operation is.
#[unsafe(no_mangle)]
pub extern "C" fn dictsqlite_cancel(
    op: dictsqlite_op,
    cancelled: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
) -> dictsqlite_code {
    let mut unwanted = MaybeUninit::uninit();
    give(Some(cancelled.unwrap_or(&mut unwanted)), error, || queue_of(op.queue)?.cancel(op))
}
