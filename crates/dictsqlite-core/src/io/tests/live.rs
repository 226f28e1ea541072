//! The files of an open store are not opened, deleted or replaced.

use super::*;
use crate::{Dict, Options};

#[test]
fn files_of_an_open_store_are_refused() {
    everywhere(|ground| {
        if ground.vfs.kind() == Kind::Memory {
            return;
        }
        let dict = Dict::open(ground.at("app.db"), &Options::default()).unwrap();
        dict.set("key", b"value").unwrap();
        dict.flush().unwrap();
        ground.file("other", b"junk").close().wait().unwrap();
        #[cfg(unix)]
        std::fs::hard_link(ground.at("app.db"), ground.at("hard.db")).unwrap();
        let names: &[&str] = if cfg!(unix) {
            &["app.db", "./app.db", "app.db-wal", "app.db-shm", "hard.db"]
        } else {
            &["app.db"]
        };
        for name in names {
            let e = ground.open(name, &OpenOptions::read()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Invalid, "{name}");
            assert!(e.message().contains("open in this process"), "{e}");
            assert_eq!(kind(ground.open(name, &OpenOptions::create())), ErrorKind::Invalid);
            let deleted = ground.vfs.delete(&ground.at(name), false).wait();
            assert_eq!(kind(deleted), ErrorKind::Invalid);
            let replaced = ground.vfs.rename(&ground.at("other"), &ground.at(name), true).wait();
            assert_eq!(kind(replaced), ErrorKind::Invalid);
            let moved = ground.vfs.rename(&ground.at(name), &ground.at("away"), true).wait();
            assert_eq!(kind(moved), ErrorKind::Invalid);
        }
        assert_eq!(dict.get("key").unwrap().as_deref(), Some(&b"value"[..]));
        dict.close().unwrap();
        // A store that is closed is a file like others.
        let file = ground.open("app.db", &OpenOptions::read()).unwrap();
        assert_eq!(read(&*file, 15, 0), b"SQLite format 3");
    });
}
