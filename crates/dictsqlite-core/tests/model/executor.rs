//! The smallest executor there can be, and the other ways to get at a completion's result.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use dictsqlite_core::{Completion, Result};

/// How a step gets its result.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// The blocking form.
    Blocking,
    /// The asynchronous form, awaited.
    Await,
    /// The asynchronous form, waited for.
    Wait,
    /// The asynchronous form, with a callback.
    Callback,
    /// The blocking form, on a worker.
    Worker,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park_timeout(Duration::from_secs(30));
    }
}

/// The result, by the way asked for.
pub(crate) fn finish<T: Send + 'static>(how: How, completion: Completion<T>) -> Result<T> {
    match how {
        How::Await => block_on(completion),
        How::Callback => {
            let (sender, receiver) = mpsc::channel();
            completion.on_done(move |result| sender.send(result).unwrap());
            receiver.recv_timeout(Duration::from_secs(60)).unwrap()
        }
        How::Blocking | How::Wait | How::Worker => completion.wait(),
    }
}
