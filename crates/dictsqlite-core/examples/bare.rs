//! Without any runtime: a `Completion` needs nothing but somebody who polls it, or who waits, or a
//! callback.
//!
//! ```console
//! $ cargo run -p dictsqlite-core --example bare
//! ```

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use dictsqlite_core::{Dict, Options, Result, Ttl};

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

pub(crate) fn main() -> Result<()> {
    let dict = Dict::open(":memory:", &Options::default())?;

    // Awaited.
    let version = block_on(async {
        dict.set_async("a", b"1", Ttl::Default).await?;
        let entry = dict.entry_async("a").await?;
        Ok::<_, dictsqlite_core::Error>(entry.map(|entry| entry.version))
    })?;
    assert!(version.is_some());

    // Waited for.
    assert_eq!(dict.incr_async("n", 41).wait()?, 41);

    // Handed to a callback, which runs on the thread that completes it and must be quick.
    let (sender, receiver) = channel();
    dict.incr_async("n", 1).on_done(move |sum| drop(sender.send(sum)));
    let sum = receiver.recv().map_err(|e| {
        dictsqlite_core::Error::new(dictsqlite_core::ErrorKind::Internal, e.to_string())
    })??;
    assert_eq!(sum, 42);

    println!("counted to {sum}");
    dict.close()
}
