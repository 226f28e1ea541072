//! Full disks and limits.

use super::*;

#[test]
fn memory_that_is_full() {
    let vfs = MemoryVfs::with_capacity(10);
    let file = vfs.open("a".as_ref(), &OpenOptions::create()).wait().unwrap();
    file.write_at(buf(b"12345678"), 0).wait().unwrap().whole().unwrap();
    let more = file.write_at(buf(b"abcd"), 7).wait().unwrap();
    assert_eq!((&more.buf[..], kind(more.result)), (&b"abcd"[..], ErrorKind::Full));
    assert_eq!(kind(file.truncate(11).wait()), ErrorKind::Full);
    assert_eq!(read(&*file, 20, 0), b"12345678");
    file.truncate(4).wait().unwrap();
    let other = vfs.open("b".as_ref(), &OpenOptions::create()).wait().unwrap();
    other.write_at(buf(b"abcdef"), 0).wait().unwrap().whole().unwrap();
    assert_eq!(kind(other.truncate(7).wait()), ErrorKind::Full);
    // A file that is gone gives its room back.
    drop(file);
    vfs.delete("a".as_ref(), false).wait().unwrap();
    other.truncate(10).wait().unwrap();
}

#[cfg(target_os = "linux")]
fn on_disk() -> Vec<Box<dyn AsyncVfs>> {
    let mut all: Vec<Box<dyn AsyncVfs>> = vec![Box::new(PoolVfs::new())];
    if let Ok(ring) = UringVfs::new() {
        all.push(Box::new(ring));
    }
    all
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    for vfs in on_disk() {
        let full = vfs.open("/dev/full".as_ref(), &OpenOptions::write()).wait().unwrap();
        let written = full.write_at(buf(b"abc"), 0).wait().unwrap();
        assert_eq!((&written.buf[..], kind(written.result)), (&b"abc"[..], ErrorKind::Full));
        let batch = full.write_batch(vec![(buf(b"a"), 0), (buf(b"b"), 1)]).wait().unwrap();
        assert!(batch.into_iter().all(|transfer| kind(transfer.result) == ErrorKind::Full));
        let vectored = full.write_vectored_at(vec![buf(b"a"), buf(b"b")], 0).wait().unwrap();
        assert_eq!((vectored.bufs.len(), kind(vectored.result)), (2, ErrorKind::Full));
        let mut writer = FileWriter::new(full, 0, Room { permits: 2, bytes: 100 }).unwrap();
        let failed = (0..10).find_map(|_| writer.write(buf(b"abc")).err());
        let failed = failed.unwrap_or_else(|| writer.finish().unwrap_err());
        assert_eq!(failed.kind(), ErrorKind::Full);
    }
}

/// This binary is run again, with a limit of the size of its files.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_the_size_of_files() {
    const VARIABLE: &str = "DICTSQLITE_TEST_LIMITED";
    if std::env::var_os(VARIABLE).is_none() {
        let name = "io::tests::full::a_limit_of_the_size_of_files";
        // Blocks are of 512 bytes; the signal is ignored, as Python does.
        let script = r#"trap "" XFSZ; ulimit -f 16; exec "$0" --exact "$1" --nocapture"#;
        let out = std::process::Command::new("sh")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(VARIABLE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success() && said.contains("1 passed"), "{said}\n{out:?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for vfs in on_disk() {
        let file = vfs.open(&dir.path().join("a"), &OpenOptions::create()).wait().unwrap();
        let whole = file.write_at(buf(&vec![1; 1 << 20]), 0).wait().unwrap();
        assert_eq!((whole.buf.len(), kind(whole.result)), (1 << 20, ErrorKind::Full));
        // What was within the limit can be written still.
        file.write_at(buf(b"abc"), 0).wait().unwrap().whole().unwrap();
        assert_eq!(kind(file.truncate(1 << 20).wait()), ErrorKind::Full);
        assert_eq!(read(&*file, 3, 0), b"abc");
    }
}
