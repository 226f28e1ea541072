//! Reading and writing.

use super::*;

#[test]
fn what_is_written_is_read_back() {
    everywhere(|ground| {
        let file = ground.open("a", &OpenOptions::create()).unwrap();
        assert_eq!(file.kind(), ground.vfs.kind());
        let bytes = pattern(100_000);
        let written = file.write_at(buf(&bytes), 7).wait().unwrap();
        assert_eq!(written.result.unwrap(), bytes.len());
        assert_eq!(&written.buf[..], &bytes[..], "the buffer comes back");
        assert_eq!(file.len().wait().unwrap(), 100_007);
        assert_eq!(read(&*file, 7, 0), [0; 7]);
        assert_eq!(read(&*file, bytes.len(), 7), bytes);
        file.sync(Sync::Data).wait().unwrap();
        file.sync(Sync::Full).wait().unwrap();
        let again = ground.open("a", &OpenOptions::read()).unwrap();
        assert_eq!(read(&*again, 10, 7), &bytes[..10]);
    });
}

#[test]
fn the_same_memory_comes_back() {
    everywhere(|ground| {
        let file = ground.file("a", b"0123456789");
        let mine = Buf::aligned(10);
        let address = mine.as_ptr();
        let mine = file.read_at(mine, 0).wait().unwrap().whole().unwrap();
        assert_eq!((mine.as_ptr(), &mine[..]), (address, &b"0123456789"[..]));
    });
}

#[test]
fn a_read_is_short_only_at_the_end() {
    everywhere(|ground| {
        let file = ground.file("a", b"0123456789");
        assert_eq!(read(&*file, 100, 0), b"0123456789");
        assert_eq!(read(&*file, 100, 8), b"89");
        assert_eq!(read(&*file, 100, 10), b"");
        assert_eq!(read(&*file, 100, 1 << 40), b"");
        let short = file.read_at(Buf::zeroed(3), 8).wait().unwrap().whole();
        assert_eq!(kind(short), ErrorKind::Io);
    });
}

#[test]
fn nothing_is_read_or_written_by_zero_bytes() {
    everywhere(|ground| {
        let file = ground.file("a", b"abc");
        assert_eq!(file.read_at(Buf::default(), 1).wait().unwrap().result.unwrap(), 0);
        assert_eq!(file.write_at(Buf::default(), 100).wait().unwrap().result.unwrap(), 0);
        assert_eq!(file.write_vectored_at(Vec::new(), 100).wait().unwrap().result.unwrap(), 0);
        assert_eq!(file.read_vectored_at(Vec::new(), 0).wait().unwrap().result.unwrap(), 0);
        assert!(file.read_batch(Vec::new()).wait().unwrap().is_empty());
        assert!(file.write_batch(Vec::new()).wait().unwrap().is_empty());
        let batch = file.read_batch(vec![(Buf::default(), 0), (Buf::zeroed(1), 0)]).wait().unwrap();
        assert_eq!(batch.into_iter().map(|t| t.result.unwrap()).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(file.len().wait().unwrap(), 3);
    });
}

#[test]
fn offsets_that_cannot_be_are_refused_and_the_buffer_comes_back() {
    everywhere(|ground| {
        let file = ground.file("a", b"abc");
        // Minus one is a place that io_uring takes for "at the cursor".
        for offset in [u64::MAX, u64::MAX - 1, 1 << 63, i64::MAX as u64] {
            let read = file.read_at(Buf::zeroed(2), offset).wait().unwrap();
            assert_eq!((read.buf.len(), kind(read.result)), (2, ErrorKind::Invalid));
            let written = file.write_at(buf(b"xy"), offset).wait().unwrap();
            assert_eq!((&written.buf[..], kind(written.result)), (&b"xy"[..], ErrorKind::Invalid));
            let read = file.read_vectored_at(vec![Buf::zeroed(2)], offset).wait().unwrap();
            assert_eq!((read.bufs.len(), kind(read.result)), (1, ErrorKind::Invalid));
        }
        assert_eq!(kind(file.truncate(u64::MAX).wait()), ErrorKind::Invalid);
        assert_eq!(read(&*file, 10, 0), b"abc");
        // Most file systems have no files of 2^62 bytes, and say so.
        let huge = file.write_at(buf(b"xy"), 1 << 62).wait().unwrap();
        assert_eq!(huge.buf.len(), 2);
        assert!(huge.result.map_or_else(|e| e.kind() == ErrorKind::Full, |count| count == 2));
    });
}

#[test]
fn vectored_transfers_go_from_buffer_to_buffer() {
    everywhere(|ground| {
        let file = ground.open("a", &OpenOptions::create()).unwrap();
        let pieces = vec![buf(b"one "), Buf::default(), buf(b"two "), buf(b"three")];
        let written = file.write_vectored_at(pieces, 3).wait().unwrap();
        assert_eq!((written.result.unwrap(), written.bufs.len()), (13, 4));
        assert_eq!(read(&*file, 13, 3), b"one two three");
        let into = vec![Buf::zeroed(5), Buf::zeroed(4), Buf::zeroed(10)];
        let found = file.read_vectored_at(into, 3).wait().unwrap();
        assert_eq!(found.result.unwrap(), 13);
        assert_eq!(&found.bufs[0][..], b"one t");
        assert_eq!(&found.bufs[1][..], b"wo t");
        assert_eq!(&found.bufs[2][..4], b"hree");
    });
}

#[test]
fn more_vectors_than_one_call_takes() {
    everywhere(|ground| {
        let file = ground.open("a", &OpenOptions::create()).unwrap();
        let bytes = pattern(3 * 2500);
        let pieces = bytes.chunks(3).map(buf).collect();
        assert_eq!(file.write_vectored_at(pieces, 0).wait().unwrap().result.unwrap(), bytes.len());
        let into = std::iter::repeat_with(|| Buf::zeroed(3)).take(2600).collect();
        let found = file.read_vectored_at(into, 0).wait().unwrap();
        assert_eq!(found.result.unwrap(), bytes.len());
        let all: Vec<u8> = found.bufs.iter().flat_map(|buf| buf.to_vec()).collect();
        assert_eq!(all[..bytes.len()], bytes);
    });
}

#[test]
fn a_batch_answers_in_the_order_of_its_requests() {
    everywhere(|ground| {
        let file = ground.open("a", &OpenOptions::create()).unwrap();
        // More than any queue is long.
        let order: Vec<u64> = (0..1000).map(|i| i * 7919 % 1000).collect();
        let page = |i: u64| vec![(i % 251) as u8; 512];
        let writes = order.iter().map(|&i| (buf(&page(i)), i * 512)).collect();
        for transfer in file.write_batch(writes).wait().unwrap() {
            transfer.whole().unwrap();
        }
        assert_eq!(file.len().wait().unwrap(), 512_000);
        let reads = order.iter().map(|&i| (Buf::zeroed(512), i * 512)).collect();
        let found = file.read_batch(reads).wait().unwrap();
        assert_eq!(found.len(), order.len());
        for (transfer, &i) in found.into_iter().zip(&order) {
            assert_eq!(transfer.whole().unwrap().into_vec(), page(i));
        }
    });
}

#[test]
fn one_request_that_fails_does_not_stop_its_batch() {
    everywhere(|ground| {
        let file = ground.file("a", b"0123456789");
        let requests = vec![(Buf::zeroed(2), 0), (Buf::zeroed(3), u64::MAX), (Buf::zeroed(4), 8)];
        let found = file.read_batch(requests).wait().unwrap();
        let lens: Vec<usize> = found.iter().map(|transfer| transfer.buf.len()).collect();
        assert_eq!(lens, [2, 3, 4]);
        let mut results = found.into_iter().map(|transfer| transfer.result);
        assert_eq!(results.next().unwrap().unwrap(), 2);
        assert_eq!(kind(results.next().unwrap()), ErrorKind::Invalid);
        assert_eq!(results.next().unwrap().unwrap(), 2);
    });
}

#[test]
fn a_file_is_cut_and_lengthened() {
    everywhere(|ground| {
        let file = ground.file("a", b"0123456789");
        file.truncate(4).wait().unwrap();
        assert_eq!(read(&*file, 10, 0), b"0123");
        file.truncate(6).wait().unwrap();
        assert_eq!(read(&*file, 10, 0), b"0123\0\0");
        let emptied = OpenOptions { truncate: true, ..OpenOptions::write() };
        assert_eq!(ground.open("a", &emptied).unwrap().len().wait().unwrap(), 0);
    });
}

#[test]
fn a_file_opened_for_reading_is_not_written() {
    everywhere(|ground| {
        ground.file("a", b"abc");
        let file = ground.open("a", &OpenOptions::read()).unwrap();
        let written = file.write_at(buf(b"x"), 0).wait().unwrap();
        assert_eq!((&written.buf[..], kind(written.result)), (&b"x"[..], ErrorKind::ReadOnly));
        let written = file.write_batch(vec![(buf(b"x"), 0)]).wait().unwrap();
        assert_eq!(kind(written.into_iter().next().unwrap().result), ErrorKind::ReadOnly);
        let written = file.write_vectored_at(vec![buf(b"x")], 0).wait().unwrap();
        assert_eq!(kind(written.result), ErrorKind::ReadOnly);
        assert_eq!(kind(file.truncate(0).wait()), ErrorKind::ReadOnly);
        assert_eq!(read(&*file, 3, 0), b"abc");
    });
}

#[test]
fn a_closed_file_says_so_and_gives_buffers_back() {
    everywhere(|ground| {
        let file = ground.file("a", b"abc");
        file.close().wait().unwrap();
        file.close().wait().unwrap();
        let read = file.read_at(Buf::zeroed(3), 0).wait().unwrap();
        assert_eq!((read.buf.len(), kind(read.result)), (3, ErrorKind::Closed));
        let written = file.write_at(buf(b"xyz"), 0).wait().unwrap();
        assert_eq!((written.buf.len(), kind(written.result)), (3, ErrorKind::Closed));
        let read = file.read_vectored_at(vec![Buf::zeroed(1)], 0).wait().unwrap();
        assert_eq!((read.bufs.len(), kind(read.result)), (1, ErrorKind::Closed));
        let written = file.write_vectored_at(vec![buf(b"x")], 0).wait().unwrap();
        assert_eq!((written.bufs.len(), kind(written.result)), (1, ErrorKind::Closed));
        let batch = file.read_batch(vec![(Buf::zeroed(1), 0), (Buf::zeroed(2), 0)]).wait().unwrap();
        assert_eq!(batch.len(), 2);
        assert!(batch.into_iter().all(|transfer| kind(transfer.result) == ErrorKind::Closed));
        let batch = file.write_batch(vec![(buf(b"x"), 0)]).wait().unwrap();
        assert!(batch.into_iter().all(|transfer| kind(transfer.result) == ErrorKind::Closed));
        assert_eq!(kind(file.sync(Sync::Full).wait()), ErrorKind::Closed);
        assert_eq!(kind(file.truncate(0).wait()), ErrorKind::Closed);
        assert_eq!(kind(file.len().wait()), ErrorKind::Closed);
        assert_eq!(kind(file.lock(LockLevel::Shared).wait()), ErrorKind::Closed);
        assert_eq!(kind(file.unlock(LockLevel::None).wait()), ErrorKind::Closed);
        assert_eq!(kind(file.check_reserved().wait()), ErrorKind::Closed);
    });
}

#[test]
fn closing_waits_for_what_is_in_flight() {
    everywhere(|ground| {
        let file = ground.open("a", &OpenOptions::create()).unwrap();
        let bytes = pattern(1 << 20);
        let writes: Vec<_> =
            (0..8).map(|i| file.write_at(buf(&bytes), i * bytes.len() as u64)).collect();
        file.close().wait().unwrap();
        for write in writes {
            assert!(write.is_done(), "the file was closed before the write was done");
            write.wait().unwrap().whole().unwrap();
        }
        let again = ground.open("a", &OpenOptions::read()).unwrap();
        assert_eq!(again.len().wait().unwrap(), 8 << 20);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn direct_reads_and_writes_pass_the_page_cache_by() {
    everywhere(|ground| {
        if ground.vfs.kind() == Kind::Memory {
            return;
        }
        let direct = OpenOptions { direct: true, ..OpenOptions::create() };
        let file = match ground.open("a", &direct) {
            Ok(file) => file,
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
                return;
            }
        };
        let mut page = Buf::aligned(2 * ALIGNMENT);
        page.copy_from_slice(&pattern(2 * ALIGNMENT));
        let page = file.write_at(page, 0).wait().unwrap().whole().unwrap();
        let found = file.read_at(Buf::aligned(page.len()), 0).wait().unwrap().whole().unwrap();
        assert_eq!(&found[..], &page[..]);
        // The last part of the file is no whole sector.
        file.truncate(5000).wait().unwrap();
        let last = file.read_at(Buf::aligned(page.len()), 0).wait().unwrap().bytes().unwrap();
        assert_eq!(&last[..], &page[..5000]);
        let odd = file.read_at(Buf::zeroed(100), 3).wait().unwrap();
        let e = odd.result.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Invalid);
        assert!(e.message().contains("Buf::aligned"), "{e}");
    });
}
