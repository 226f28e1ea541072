//! Backpressure.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::*;

fn room(permits: usize, bytes: u64) -> Backpressure {
    Backpressure::new(Room { permits, bytes }).unwrap()
}

fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[test]
fn pieces_and_bytes_are_both_limited() {
    let room = room(2, 100);
    let a = room.acquire(60).unwrap();
    assert_eq!(a.bytes(), 60);
    assert_eq!(kind(room.try_acquire(50)), ErrorKind::Busy);
    let b = room.try_acquire(40).unwrap();
    assert_eq!(kind(room.try_acquire(0)), ErrorKind::Busy);
    let metrics = room.metrics();
    assert_eq!((metrics.in_use, metrics.bytes_in_use, metrics.refused), (2, 100, 2));
    drop(a);
    let c = room.try_acquire(60).unwrap();
    drop((b, c));
    let metrics = room.metrics();
    assert_eq!((metrics.in_use, metrics.bytes_in_use, metrics.acquired), (0, 0, 3));
}

#[test]
fn a_piece_larger_than_the_room_goes_alone() {
    let room = room(10, 100);
    let small = room.acquire(1).unwrap();
    assert_eq!(kind(room.try_acquire(1_000_000)), ErrorKind::Busy);
    drop(small);
    let large = room.acquire(1_000_000).unwrap();
    assert_eq!(room.metrics().bytes_in_use, 1_000_000);
    assert_eq!(kind(room.try_acquire(1)), ErrorKind::Busy);
    drop(large);
    drop(room.try_acquire(100).unwrap());
}

#[test]
fn room_for_more_bytes_than_a_semaphore_counts() {
    let bytes = 100 << 30;
    let room = room(10, bytes);
    let half = room.acquire(bytes / 2).unwrap();
    let rest = room.acquire(bytes / 2 - 1000).unwrap();
    assert_eq!(kind(room.try_acquire(1_000_000)), ErrorKind::Busy);
    drop((half, rest));
    drop(room.try_acquire(bytes).unwrap());
}

#[test]
fn who_asks_for_much_is_not_passed_by_who_asks_for_little() {
    let room = room(10, 100);
    let first = room.acquire(60).unwrap();
    let mut large = pin!(room.acquire_async(90));
    assert!(poll(large.as_mut()).is_none());
    let mut small = pin!(room.acquire_async(10));
    assert!(poll(small.as_mut()).is_none(), "there is room, but it is another's turn");
    assert_eq!(kind(room.try_acquire(10)), ErrorKind::Busy);
    assert_eq!(room.metrics().waiting, 2);
    drop(first);
    let large = poll(large.as_mut()).unwrap().unwrap();
    let small = poll(small.as_mut()).unwrap().unwrap();
    drop((large, small));
    assert_eq!(room.metrics().waiting, 0);
}

#[test]
fn who_gives_up_leaves_the_queue_and_no_permit_is_lost() {
    let room = room(2, 100);
    let first = room.acquire(60).unwrap();
    {
        let mut large = pin!(room.acquire_async(90));
        assert!(poll(large.as_mut()).is_none());
    }
    assert_eq!(room.metrics().waiting, 0);
    let second = room.try_acquire(40).unwrap();
    drop((first, second));
    // Dropped after it was served, before it was looked at.
    for _ in 0..100 {
        let held = room.acquire(100).unwrap();
        let mut waiting = Box::pin(room.acquire_async(100));
        assert!(poll(waiting.as_mut()).is_none());
        drop(held);
        drop(waiting);
    }
    drop(room.try_acquire(100).unwrap());
}

#[test]
fn a_timeout_ends_the_wait_and_leaves_nothing() {
    let room = room(1, 100);
    let held = room.acquire(1).unwrap();
    let began = Instant::now();
    let late = room.acquire_timeout(1, Duration::from_millis(30));
    assert_eq!(kind(late), ErrorKind::Timeout);
    assert!(began.elapsed() >= Duration::from_millis(30));
    let late = smol::block_on(room.acquire_timeout_async(1, Duration::from_millis(10)));
    assert_eq!(kind(late), ErrorKind::Timeout);
    let metrics = room.metrics();
    assert_eq!((metrics.timed_out, metrics.waiting, metrics.in_use), (2, 0, 1));
    drop(held);
    let soon = room.acquire_timeout(1, Duration::from_secs(3600)).unwrap();
    drop(soon);
}

#[test]
fn closing_ends_every_wait() {
    let room = room(1, 100);
    let held = room.acquire(1).unwrap();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let room = room.clone();
            std::thread::spawn(move || room.acquire(1).map(drop))
        })
        .collect();
    while room.metrics().waiting < 3 {
        std::thread::yield_now();
    }
    assert!(!room.is_closed());
    room.close();
    for thread in threads {
        assert_eq!(kind(thread.join().unwrap()), ErrorKind::Closed);
    }
    assert!(room.is_closed());
    assert_eq!(kind(room.try_acquire(1)), ErrorKind::Closed);
    drop(held);
    assert_eq!(kind(room.acquire(1)), ErrorKind::Closed);
    assert_eq!(room.metrics().in_use, 0);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    for (permits, bytes) in [(0, 1), (1, 0), (usize::MAX, 1)] {
        assert_eq!(kind(Backpressure::new(Room { permits, bytes })), ErrorKind::Invalid);
    }
    let widest = room(1, u64::MAX);
    drop(widest.acquire(u64::MAX).unwrap());
}

#[test]
fn the_limit_holds_under_load_on_three_executors() {
    let room = room(3, 1000);
    let now = Arc::new(AtomicUsize::new(0));
    let job = |room: Backpressure, now: Arc<AtomicUsize>, seed: u64| async move {
        let mut random = Random(seed * 7919 + 1);
        for _ in 0..200 {
            let permit = room.acquire_async(random.below(1000)).await.unwrap();
            assert!(now.fetch_add(1, Ordering::SeqCst) < 3);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let on_tokio: Vec<_> =
        (0..4).map(|i| runtime.spawn(job(room.clone(), Arc::clone(&now), i))).collect();
    let on_smol: Vec<_> =
        (4..8).map(|i| smol::spawn(job(room.clone(), Arc::clone(&now), i))).collect();
    let blocking = {
        let (room, now) = (room.clone(), Arc::clone(&now));
        std::thread::spawn(move || {
            for i in 0..200 {
                let permit = room.acquire(i).unwrap();
                assert!(now.fetch_add(1, Ordering::SeqCst) < 3);
                now.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
        })
    };
    for task in on_tokio {
        runtime.block_on(task).unwrap();
    }
    on_smol.into_iter().for_each(smol::block_on);
    blocking.join().unwrap();
    let metrics = room.metrics();
    assert_eq!((metrics.in_use, metrics.bytes_in_use, metrics.waiting), (0, 0, 0));
    assert_eq!(metrics.acquired, 9 * 200);
}

#[test]
fn a_signal_ends_a_wait() {
    let room = room(1, 1);
    let _held = room.acquire(1).unwrap();
    let stopped = crate::interruptible(|| true, || room.acquire(1));
    assert_eq!(kind(stopped), ErrorKind::Cancelled);
    assert_eq!(room.metrics().waiting, 0);
}

#[test]
fn a_writer_has_no_more_under_way_than_there_is_room_for() {
    everywhere(|ground| {
        let file = ground.open("a", &OpenOptions::create()).unwrap();
        let mut writer =
            FileWriter::new(Arc::clone(&file), 5, Room { permits: 3, bytes: 5000 }).unwrap();
        let bytes = pattern(100_000);
        for piece in bytes.chunks(1234) {
            writer.write(buf(piece)).unwrap();
        }
        writer.write(Buf::default()).unwrap();
        assert_eq!(writer.written(), 100_000);
        assert_eq!(writer.finish().unwrap(), 100_000);
        assert_eq!(read(&*file, bytes.len(), 5), bytes);
        let read_only = ground.open("a", &OpenOptions::read()).unwrap();
        let mut writer = FileWriter::new(read_only, 0, Room { permits: 1, bytes: 10 }).unwrap();
        let failed = writer.write(buf(b"x")).and_then(|()| writer.write(buf(b"y")));
        let failed = failed.and_then(|()| writer.finish());
        assert_eq!(kind(failed), ErrorKind::ReadOnly);
    });
}
