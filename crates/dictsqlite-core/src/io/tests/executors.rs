//! The same program under tokio, under smol, and without any executor.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};

use super::*;

/// An executor of its own kind: this thread.
fn bare_block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Everything a file can do, awaited.
async fn program(vfs: &dyn AsyncVfs, path: &Path) -> Result<()> {
    let file = vfs.open(path, &OpenOptions::create()).await?;
    file.write_at(buf(b"hello world"), 0).await?.whole()?;
    file.write_vectored_at(vec![buf(b"!"), buf(b"!")], 11).await?.result?;
    let pages = (0..100_u64).map(|i| (buf(&[i as u8; 64]), 100 + i * 64)).collect();
    for written in file.write_batch(pages).await? {
        written.whole()?;
    }
    file.sync(Sync::Data).await?;
    assert_eq!(file.len().await?, 100 + 6400);
    let reads: Vec<_> = (0..100_u64).map(|i| file.read_at(Buf::zeroed(64), 100 + i * 64)).collect();
    for (i, read) in reads.into_iter().enumerate() {
        assert_eq!(read.await?.whole()?.into_vec(), [i as u8; 64]);
    }
    let mut writer = FileWriter::new(Arc::clone(&file), 0, Room { permits: 4, bytes: 10_000 })?;
    for _ in 0..50 {
        writer.write_async(buf(&[7; 1000])).await?;
    }
    assert_eq!(writer.finish_async().await?, 50_000);
    assert_eq!(file.read_at(Buf::zeroed(3), 49_998).await?.bytes()?.into_vec(), [7, 7]);
    vfs.sleep(std::time::Duration::from_millis(1)).await?;
    file.close().await?;
    vfs.delete(path, true).await
}

#[test]
fn under_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    everywhere(|ground| {
        runtime.block_on(program(&*ground.vfs, &ground.at("a"))).unwrap();
        let ground_vfs: Arc<dyn AsyncVfs> = Arc::new(DefaultVfs::new());
        let path = ground.at("spawned");
        let task = runtime.spawn(async move { program(&*ground_vfs, &path).await });
        runtime.block_on(task).unwrap().unwrap();
    });
}

#[test]
fn under_smol() {
    everywhere(|ground| smol::block_on(program(&*ground.vfs, &ground.at("a"))).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let task = smol::spawn(async move { program(&DefaultVfs::new(), &path).await });
    smol::block_on(task).unwrap();
}

#[test]
fn without_an_executor() {
    everywhere(|ground| bare_block_on(program(&*ground.vfs, &ground.at("a"))).unwrap());
}

#[test]
fn with_callbacks() {
    everywhere(|ground| {
        let file = ground.file("a", b"0123456789");
        let (to, from) = mpsc::channel();
        for i in 0..10 {
            let to = to.clone();
            file.read_at(Buf::zeroed(1), i).on_done(move |read| {
                to.send((i, read.unwrap().whole().unwrap().into_vec())).unwrap();
            });
        }
        let mut all: Vec<_> = (0..10).map(|_| from.recv().unwrap()).collect();
        all.sort();
        assert!(all.iter().all(|(i, byte)| byte[..] == [b'0' + *i as u8]));
    });
}

#[test]
fn a_callback_that_panics_ends_no_thread() {
    everywhere(|ground| {
        if ground.vfs.kind() == Kind::Memory {
            return; // Its callbacks run in the call.
        }
        let file = ground.file("a", b"abc");
        for _ in 0..8 {
            let slow = file.write_at(buf(&vec![1; 1 << 20]), 0);
            if !slow.is_done() {
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    slow.on_done(|_| panic!("a panic on purpose"));
                }));
                drop(caught);
            }
        }
        file.close().wait().unwrap();
        let file = ground.open("a", &OpenOptions::read()).unwrap();
        assert_eq!(read(&*file, 3, 0), [1, 1, 1]);
    });
}
