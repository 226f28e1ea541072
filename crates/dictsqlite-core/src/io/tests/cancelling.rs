//! Futures that are dropped at random points: the operations happen all the same, and the kernel
//! neither writes to memory that is somebody else's by then, nor keeps any. (Run under valgrind too.)

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use super::*;
use crate::completion::Completion;

const PAGE: usize = 4096;
const PAGES: u64 = 64;

/// Drops a completion at once, after it was polled, or a little later; or waits for it.
fn let_go<T>(mut completion: Completion<T>, random: &mut Random) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match random.below(5) {
        0 => None,
        1 => {
            let _ = Pin::new(&mut completion).poll(&mut context);
            None
        }
        2 => {
            std::thread::sleep(Duration::from_micros(random.below(200)));
            None
        }
        3 => {
            let _ = Pin::new(&mut completion).poll(&mut context);
            std::thread::yield_now();
            None
        }
        _ => Some(completion.wait().unwrap()),
    }
}

#[test]
fn writes_that_nobody_waits_for_happen() {
    for seed in 1..=10 {
        everywhere(|ground| {
            let mut random = Random(seed * 7919);
            let file = ground.open("a", &OpenOptions::create()).unwrap();
            let mut expected: HashMap<u64, u8> = HashMap::new();
            // Each page once, since writes in flight together are in no order.
            let mut pages: Vec<u64> = (0..PAGES).collect();
            for i in (1..pages.len()).rev() {
                pages.swap(i, random.below(i as u64 + 1) as usize);
            }
            while let Some(page) = pages.pop() {
                let fill = random.below(255) as u8 + 1;
                expected.insert(page, fill);
                let data = buf(&[fill; PAGE]);
                let at = page * PAGE as u64;
                if random.below(2) == 0 || pages.is_empty() {
                    let_go(file.write_at(data, at), &mut random);
                } else {
                    let other = pages.pop().unwrap_or_default();
                    expected.insert(other, fill);
                    let second = buf(&[fill; PAGE]);
                    let batch = vec![(data, at), (second, other * PAGE as u64)];
                    let_go(file.write_batch(batch), &mut random);
                }
            }
            // The file is closed when the last of them is done.
            file.close().wait().unwrap();
            let file = ground.open("a", &OpenOptions::read()).unwrap();
            for (page, fill) in expected {
                assert_eq!(read(&*file, PAGE, page * PAGE as u64), [fill; PAGE], "seed {seed}");
            }
        });
    }
}

#[test]
fn reads_that_nobody_waits_for_write_to_no_other_memory() {
    for seed in 1..=10 {
        everywhere(|ground| {
            let mut random = Random(seed * 104_729);
            let file = ground.file("a", &vec![0xEE; PAGE * PAGES as usize]);
            let mut others: Vec<Vec<u8>> = Vec::new();
            for _ in 0..400 {
                let at = random.below(PAGES) * PAGE as u64;
                match random.below(4) {
                    0 => {
                        let transfer = let_go(file.read_at(Buf::zeroed(PAGE), at), &mut random);
                        assert!(transfer.is_none_or(|t| t.whole().unwrap()[..] == [0xEE; PAGE]));
                    }
                    1 => {
                        // Too long to be read in the call.
                        drop(let_go(file.read_at(Buf::zeroed(20 * PAGE), at), &mut random));
                    }
                    2 => {
                        let batch = (0..5).map(|_| (Buf::zeroed(PAGE), at)).collect();
                        let_go(file.read_batch(batch), &mut random);
                    }
                    _ => {
                        let bufs = vec![Buf::zeroed(PAGE / 2), Buf::zeroed(PAGE / 2)];
                        let_go(file.read_vectored_at(bufs, at), &mut random);
                    }
                }
                // An allocation of the same size: where a freed buffer would have been.
                others.push(vec![0x11; PAGE]);
                if others.len() > 50 {
                    let oldest = others.swap_remove(random.below(50) as usize);
                    assert!(oldest.iter().all(|byte| *byte == 0x11), "seed {seed}");
                }
            }
            file.close().wait().unwrap();
            assert!(others.iter().flatten().all(|byte| *byte == 0x11), "seed {seed}");
        });
    }
}

#[test]
fn everything_may_be_dropped_at_once() {
    everywhere(|ground| {
        let mut random = Random(42);
        for round in 0..50 {
            let file = ground.open("a", &OpenOptions::create()).unwrap();
            for _ in 0..random.below(20) {
                drop(file.write_at(buf(&[1; PAGE]), random.below(PAGES) * PAGE as u64));
                drop(file.read_at(Buf::zeroed(PAGE), random.below(PAGES) * PAGE as u64));
                drop(file.sync(Sync::Data));
                drop(file.len());
            }
            if round % 2 == 0 {
                drop(file.close());
            }
            drop(file);
        }
        ground.vfs.delete(&ground.at("a"), false).wait().unwrap();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn descriptors_are_closed_with_the_last_operation() {
    let open = |dir: &Path| {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let targets = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
        targets.filter(|target| target.starts_with(dir)).count()
    };
    everywhere(|ground| {
        for i in 0..20 {
            let file = ground.open(&format!("f{i}"), &OpenOptions::create()).unwrap();
            drop(file.write_at(buf(&[1; PAGE]), 0));
            drop(file.read_at(Buf::zeroed(PAGE), 0));
            drop(file);
        }
        let patience = std::time::Instant::now() + Duration::from_secs(10);
        while open(&ground.dir) > 0 {
            assert!(std::time::Instant::now() < patience, "{} are open", open(&ground.dir));
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}
