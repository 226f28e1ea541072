//! Opening, deleting, renaming, and the small services of a file system.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn files_are_made_only_where_that_is_asked_for() {
    everywhere(|ground| {
        assert_eq!(kind(ground.open("a", &OpenOptions::read())), ErrorKind::Io);
        assert_eq!(kind(ground.open("a", &OpenOptions::write())), ErrorKind::Io);
        ground.open("a", &OpenOptions::create_new()).unwrap();
        assert_eq!(kind(ground.open("a", &OpenOptions::create_new())), ErrorKind::Io);
        ground.open("a", &OpenOptions::create()).unwrap();
        let odd = OpenOptions { create: true, ..OpenOptions::read() };
        assert_eq!(kind(ground.open("a", &odd)), ErrorKind::Invalid);
        let odd = OpenOptions { truncate: true, ..OpenOptions::read() };
        assert_eq!(kind(ground.open("a", &odd)), ErrorKind::Invalid);
        if ground.vfs.kind() != Kind::Memory {
            assert_eq!(kind(ground.open(".", &OpenOptions::read())), ErrorKind::Invalid);
        }
    });
}

#[cfg(unix)]
#[test]
fn a_new_file_has_the_permissions_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    everywhere(|ground| {
        if ground.vfs.kind() == Kind::Memory {
            return;
        }
        let private = OpenOptions { mode: Some(0o600), ..OpenOptions::create() };
        ground.open("a", &private).unwrap();
        let mode = std::fs::metadata(ground.at("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

#[test]
fn files_are_deleted_and_renamed() {
    everywhere(|ground| {
        let vfs = &ground.vfs;
        let there = |name: &str| vfs.access(&ground.at(name), Access::Exists).wait().unwrap();
        for sync_dir in [false, true] {
            ground.file("a", b"new").close().wait().unwrap();
            ground.file("b", b"old").close().wait().unwrap();
            assert!(there("a") && there("b") && !there("c"));
            vfs.rename(&ground.at("a"), &ground.at("b"), sync_dir).wait().unwrap();
            assert!(!there("a") && there("b"));
            let file = ground.open("b", &OpenOptions::read()).unwrap();
            assert_eq!(read(&*file, 10, 0), b"new");
            vfs.delete(&ground.at("b"), sync_dir).wait().unwrap();
            assert!(!there("b"));
            // What is open lives on.
            assert_eq!(read(&*file, 10, 0), b"new");
            assert_eq!(kind(vfs.delete(&ground.at("b"), sync_dir).wait()), ErrorKind::Io);
            let gone = vfs.rename(&ground.at("a"), &ground.at("b"), sync_dir).wait();
            assert_eq!(kind(gone), ErrorKind::Io);
        }
    });
}

#[test]
fn access_says_what_may_be_done() {
    everywhere(|ground| {
        ground.file("a", b"");
        for access in [Access::Exists, Access::Read, Access::ReadWrite] {
            assert!(ground.vfs.access(&ground.at("a"), access).wait().unwrap());
            assert!(!ground.vfs.access(&ground.at("b"), access).wait().unwrap());
            assert!(!ground.vfs.access(&ground.at("b/c"), access).wait().unwrap());
        }
    });
}

#[test]
fn full_pathnames_are_absolute_and_need_no_file() {
    everywhere(|ground| {
        let full = |path: PathBuf| ground.vfs.full_pathname(&path).wait().unwrap();
        ground.file("a", b"");
        assert_eq!(full(ground.at("a")), ground.at("a"));
        assert_eq!(full(ground.at("./b")), ground.at("b"));
        assert_eq!(full(ground.at("no/such/file")), ground.at("no/such/file"));
        assert!(full("x".into()).is_absolute());
        #[cfg(unix)]
        if ground.vfs.kind() != Kind::Memory {
            std::os::unix::fs::symlink(ground.at("a"), ground.at("link")).unwrap();
            assert_eq!(full(ground.at("link")), ground.at("a"));
        }
    });
}

#[test]
fn sleeping_takes_that_long_and_no_thread_each() {
    everywhere(|ground| {
        let began = Instant::now();
        let sleeps: Vec<_> =
            (0..500).map(|i| ground.vfs.sleep(Duration::from_millis(20 + i % 10))).collect();
        for (i, sleep) in sleeps.into_iter().enumerate() {
            let slept = sleep.wait().unwrap();
            assert!(slept >= Duration::from_millis(20 + i as u64 % 10), "{slept:?}");
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        ground.vfs.sleep(Duration::ZERO).wait().unwrap();
        let long = ground.vfs.sleep(Duration::from_secs(3600));
        assert!(long.canceller().unwrap().cancel());
        assert_eq!(kind(long.wait()), ErrorKind::Cancelled);
    });
}

#[test]
fn time_and_chance() {
    everywhere(|ground| {
        let now = ground.vfs.current_time().wait().unwrap();
        assert!(now > 1_600_000_000_000, "{now}");
        let random = || ground.vfs.randomness(Buf::zeroed(32)).wait().unwrap().into_vec();
        assert_ne!(random(), random());
        assert_eq!(ground.vfs.randomness(Buf::default()).wait().unwrap().len(), 0);
    });
}

#[test]
fn the_default_says_what_it_is() {
    let vfs = DefaultVfs::new();
    println!("{:?}: {:?}", vfs.kind(), vfs.fallback());
    assert_eq!(vfs.kind() == Kind::Uring, vfs.fallback().is_none());
    #[cfg(target_os = "linux")]
    assert_eq!(UringVfs::new().is_ok(), vfs.kind() == Kind::Uring);
}

#[test]
fn a_file_outlives_the_file_system_that_opened_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let file = PoolVfs::with_threads(2).open(&path, &OpenOptions::create()).wait().unwrap();
    file.write_at(buf(b"abc"), 0).wait().unwrap().whole().unwrap();
    assert_eq!(read(&*file, 3, 0), b"abc");
    drop(file);
    assert!(exists(&path));
}
