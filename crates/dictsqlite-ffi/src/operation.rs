//! Starting an asynchronous operation and delivering what comes of it.

use std::mem::MaybeUninit;
use std::sync::Arc;

use dictsqlite_core::{Completion, Result};

use crate::dispatch;
use crate::guard::{caught, guard, null};
use crate::queue::{Cancel, QUEUES, Queue};
use crate::raw::{
    dictsqlite_call, dictsqlite_code, dictsqlite_error, dictsqlite_op, dictsqlite_result,
};

/// What C hands to every asynchronous function besides the operation's own arguments.
pub(crate) struct Asked<'a> {
    pub(crate) call: dictsqlite_call,
    pub(crate) op: Option<&'a mut MaybeUninit<dictsqlite_op>>,
    pub(crate) error: Option<&'a mut MaybeUninit<*mut dictsqlite_error>>,
}

impl Asked<'_> {
    /// Begins an operation that changes something, or takes long. It is cancelled by the engine, if at all.
    pub(crate) fn start<T: Send + 'static>(
        self,
        begin: impl FnOnce() -> Result<Completion<T>>,
        fill: impl FnOnce(T, &mut dictsqlite_result) -> Result<()> + Send + 'static,
    ) -> dictsqlite_code {
        self.begin(false, begin, fill)
    }

    /// Begins an operation that only reads: when it is cancelled its result is thrown away.
    pub(crate) fn read<T: Send + 'static>(
        self,
        begin: impl FnOnce() -> Result<Completion<T>>,
        fill: impl FnOnce(T, &mut dictsqlite_result) -> Result<()> + Send + 'static,
    ) -> dictsqlite_code {
        self.begin(true, begin, fill)
    }

    fn begin<T: Send + 'static>(
        self,
        reads: bool,
        begin: impl FnOnce() -> Result<Completion<T>>,
        fill: impl FnOnce(T, &mut dictsqlite_result) -> Result<()> + Send + 'static,
    ) -> dictsqlite_code {
        let Self { call, op, error } = self;
        guard(error, || {
            let callback = call.callback().ok_or_else(|| null("the callback"))?;
            let queue = queue_of(call.queue.id)?;
            let number = queue.begin(callback)?;
            // Before anything can call back.
            let unset = op.map(|op| op.write(dictsqlite_op { queue: call.queue.id, number }));
            let completion = match caught(begin) {
                Ok(completion) => completion,
                Err(e) => {
                    queue.abandon(number);
                    if let Some(op) = unset {
                        *op = dictsqlite_op::default();
                    }
                    return Err(e);
                }
            };
            let cancel = match completion.canceller() {
                Some(canceller) => Cancel::Withdraw(canceller),
                None if reads => Cancel::Forget,
                None => Cancel::Never,
            };
            if !completion.is_done() {
                queue.allow(number, cancel);
            }
            completion.on_done(move |done| deliver(&queue, number, done, fill));
            Ok(())
        })
    }
}

fn deliver<T>(
    queue: &Arc<Queue>,
    number: u64,
    done: Result<T>,
    fill: impl FnOnce(T, &mut dictsqlite_result) -> Result<()>,
) {
    // This may be a thread of the engine, which no panic may end.
    let filled = caught(|| {
        let mut result = dictsqlite_result::default();
        fill(done?, &mut result)?;
        Ok(result)
    });
    queue.finish(number, filled.unwrap_or_else(|e| dictsqlite_result::failed(&e)));
}

/// The queue with this handle; 0 is the library's own.
pub(crate) fn queue_of(id: u64) -> Result<Arc<Queue>> {
    if id == 0 { Ok(dispatch::queue()) } else { QUEUES.get(id) }
}
