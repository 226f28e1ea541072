//! The child of a fork: what it inherited is closed, and what it opens works.

#![cfg(unix)]

use std::time::Duration;

use super::*;
use crate::vfs::fork;

#[test]
fn inherited_files_are_closed_and_new_ones_work() {
    everywhere(|ground| {
        let file = ground.file("a", b"abc");
        let busy: Vec<_> = (0..50).map(|i| file.read_at(Buf::zeroed(3), i % 3)).collect();
        let fine = fork::in_child(|| {
            let read = file.read_at(Buf::zeroed(3), 0).wait().unwrap();
            let batch = file.write_batch(vec![(Buf::zeroed(3), 0)]).wait().unwrap();
            let inherited = kind(read.result) == ErrorKind::Closed
                && kind(batch.into_iter().next().unwrap().result) == ErrorKind::Closed
                && kind(file.sync(Sync::Full).wait()) == ErrorKind::Closed
                && kind(file.len().wait()) == ErrorKind::Closed
                && kind(file.close().wait()) == ErrorKind::Closed;
            let own = ground.open("b", &OpenOptions::create()).unwrap();
            own.write_at(buf(b"xyz"), 0).wait().unwrap().whole().unwrap();
            own.sync(Sync::Data).wait().unwrap();
            ground.vfs.sleep(Duration::from_millis(2)).wait().unwrap();
            own.close().wait().unwrap();
            drop(file.clone());
            inherited && own.kind() == ground.vfs.kind()
        });
        assert!(fine);
        for read in busy {
            read.wait().unwrap().result.unwrap();
        }
        assert_eq!(read(&*file, 3, 0), b"abc");
        file.close().wait().unwrap();
    });
}

#[test]
fn an_inherited_room_is_closed() {
    let room = Backpressure::new(Room { permits: 1, bytes: 10 }).unwrap();
    let held = room.acquire(5).unwrap();
    assert!(fork::in_child(move || {
        let closed = room.is_closed()
            && kind(room.try_acquire(1)) == ErrorKind::Closed
            && kind(room.acquire(1)) == ErrorKind::Closed;
        drop(held);
        closed && Backpressure::new(Room { permits: 1, bytes: 1 }).unwrap().acquire(1).is_ok()
    }));
}
