//! File locks that belong to us alone, and to this side of a fork.
//!
//! POSIX record locks belong to the process: when any code in it closes any descriptor of the file,
//! all of them are gone. Another SQLite in the process (Python's `sqlite3` module, for one) does just
//! that. On Linux there are locks that belong to an open file description, so SQLite's `fcntl` is
//! replaced by one that takes them on a private description, one an inode, that nobody else closes. And
//! its `close` is replaced by one that leaves a descriptor open as long as another library of the
//! process has locks on the file, which it would lose.
//!
//! SQLite also keeps a table of inodes it holds locks on, which a child of a fork inherits without
//! the locks. Its `fstat` is replaced by one that gives every generation of forks device numbers of
//! its own, so that the child finds nothing in that table.
//!
//! Both go through `xSetSystemCall` and concern this library's copy of SQLite only.

#![allow(unsafe_code)] // Replaces system calls under SQLite.

#[cfg(not(unix))]
pub(crate) fn install() {}

#[cfg(unix)]
pub(super) use unix::after_fork;
#[cfg(unix)]
pub(crate) use unix::install;
#[cfg(all(test, target_os = "linux"))]
pub(super) use unix::{Call, replace};

#[cfg(unix)]
mod unix {
    use std::ffi::{CStr, c_int};
    use std::sync::Once;

    use rusqlite::ffi;

    use crate::vfs::fork;

    /// A system call as SQLite keeps it, whatever its signature.
    pub(in crate::vfs) type Call = ffi::sqlite3_syscall_ptr;
    type Fstat = unsafe extern "C" fn(c_int, *mut libc::stat) -> c_int;

    /// The generation is put into the upper 16 bits of the device number, whose size differs.
    const GENERATION_SHIFT: u32 = libc::dev_t::BITS - 16;

    /// Replaces the system calls, once, before the first connection is opened.
    pub(crate) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the function has the signature SQLite calls it with.
            unsafe { replace(c"fstat", std::mem::transmute::<Fstat, Call>(fstat)) };
            #[cfg(target_os = "linux")]
            super::linux::install();
        });
    }

    /// # Safety
    /// `call` must have the signature of the system call it replaces.
    pub(in crate::vfs) unsafe fn replace(name: &CStr, call: Call) {
        // SAFETY: SQLite is initialised first; the default VFS lives as long as the program.
        unsafe {
            ffi::sqlite3_initialize();
            let vfs = ffi::sqlite3_vfs_find(c"unix".as_ptr());
            if let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) {
                set(vfs, name.as_ptr(), call);
            }
        }
    }

    unsafe extern "C" fn fstat(fd: c_int, out: *mut libc::stat) -> c_int {
        // SAFETY: SQLite gives a valid pointer; it is written by the call before it is used.
        unsafe {
            let rc = libc::fstat(fd, out);
            if rc == 0 {
                (*out).st_dev ^= (fork::generation() as libc::dev_t) << GENERATION_SHIFT;
            }
            rc
        }
    }

    /// In the child of a fork: the inherited descriptions are the parent's.
    pub(in crate::vfs) fn after_fork() {
        #[cfg(target_os = "linux")]
        super::linux::after_fork();
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::ffi::{c_int, c_void};
    use std::sync::LazyLock;

    use super::unix::{Call, replace};
    use crate::sync::Mutex;

    type Fcntl = unsafe extern "C" fn(c_int, c_int, *mut c_void) -> c_int;
    type Close = unsafe extern "C" fn(c_int) -> c_int;

    type Inode = (libc::dev_t, libc::ino_t);

    /// SQLite's descriptors and the private ones that hold their locks.
    #[derive(Default)]
    struct Table {
        inodes: HashMap<c_int, Inode>,
        holders: HashMap<Inode, Holder>,
        /// Done with, but closing them would cost another library of this process its locks.
        parked: Vec<c_int>,
    }

    struct Holder {
        fd: c_int,
        users: usize,
    }

    static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

    pub(super) fn install() {
        LazyLock::force(&TABLE);
        // SAFETY: the functions are called with these arguments; on Linux a variadic argument is
        // passed like a fixed one.
        unsafe {
            replace(c"fcntl", std::mem::transmute::<Fcntl, Call>(fcntl));
            replace(c"close", std::mem::transmute::<Close, Call>(close));
        }
    }

    unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: *mut c_void) -> c_int {
        let command = match command {
            libc::F_SETLK => libc::F_OFD_SETLK,
            libc::F_SETLKW => libc::F_OFD_SETLKW,
            libc::F_GETLK => libc::F_OFD_GETLK,
            // SAFETY: handed on as it came.
            other => return unsafe { libc::fcntl(fd, other, argument) },
        };
        let Some(holder) = TABLE.lock().holder_of(fd) else { return -1 };
        // SAFETY: for these commands SQLite passes a `flock`, whose pid must be 0 here.
        unsafe {
            (*argument.cast::<libc::flock>()).l_pid = 0;
            libc::fcntl(holder, command, argument)
        }
    }

    unsafe extern "C" fn close(fd: c_int) -> c_int {
        TABLE.lock().let_go(fd);
        0
    }

    impl Table {
        /// The private descriptor for the file `fd` is open on.
        fn holder_of(&mut self, fd: c_int) -> Option<c_int> {
            if let Some(inode) = self.inodes.get(&fd) {
                return self.holders.get(inode).map(|holder| holder.fd);
            }
            let inode = inode_of(fd)?;
            let holder = match self.holders.get_mut(&inode) {
                Some(holder) => holder,
                None => {
                    let own = reopen(fd)?;
                    self.holders.entry(inode).or_insert(Holder { fd: own, users: 0 })
                }
            };
            holder.users += 1;
            self.inodes.insert(fd, inode);
            Some(holder.fd)
        }

        /// SQLite closes `fd`; with the last one of its file the locks go.
        fn let_go(&mut self, fd: c_int) {
            if let Some(inode) = self.inodes.remove(&fd)
                && let Some(holder) = self.holders.get_mut(&inode)
            {
                holder.users -= 1;
                if holder.users == 0 {
                    unlock(holder.fd);
                    self.parked.push(holder.fd);
                    self.holders.remove(&inode);
                }
            }
            self.parked.push(fd);
            let locked = locked_by_others_here();
            self.parked.retain(|fd| {
                let kept = inode_of(*fd).is_some_and(|(_, inode)| locked.contains(&inode));
                if !kept {
                    // SAFETY: ours, and nobody uses it any more.
                    unsafe { libc::close(*fd) };
                }
                kept
            });
        }
    }

    /// Gives up what the description of `fd` holds.
    fn unlock(fd: c_int) {
        // SAFETY: zeroes are a valid `flock`: all of the file.
        unsafe {
            let mut all: libc::flock = std::mem::zeroed();
            all.l_type = libc::F_UNLCK as _;
            libc::fcntl(fd, libc::F_OFD_SETLK, &raw mut all);
        }
    }

    /// The files this process has POSIX locks on, which any close of them would drop: they are another
    /// library's, since we have none.
    fn locked_by_others_here() -> Vec<libc::ino_t> {
        let own = std::process::id().to_string();
        let inode = |lock: &str| -> Option<libc::ino_t> {
            // `5: POSIX  ADVISORY  READ 1234 fe:00:5678 124 124`
            let mut fields = lock.split_whitespace().skip(1);
            let posix = fields.next() == Some("POSIX") && fields.nth(2) == Some(&own);
            fields.next().filter(|_| posix)?.rsplit(':').next()?.parse().ok()
        };
        let text = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        text.lines().filter_map(inode).collect()
    }

    /// What file a descriptor is open on.
    fn inode_of(fd: c_int) -> Option<Inode> {
        // SAFETY: zeroes are a valid `stat`, which the call fills.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            (libc::fstat(fd, &raw mut stat) == 0).then_some((stat.st_dev, stat.st_ino))
        }
    }

    /// Opens the file of `fd` anew: a description of our own.
    fn reopen(fd: c_int) -> Option<c_int> {
        let path = std::ffi::CString::new(format!("/proc/self/fd/{fd}")).ok()?;
        for mode in [libc::O_RDWR, libc::O_RDONLY] {
            // SAFETY: the path is a C string.
            let own = unsafe { libc::open(path.as_ptr(), mode | libc::O_CLOEXEC) };
            if own >= 0 {
                return Some(own);
            }
        }
        None
    }

    /// In the child of a fork. No other thread was inside SQLite, so the lock is free; were it not,
    /// the descriptors would stay open, which harms nobody.
    pub(super) fn after_fork() {
        if let Some(mut table) = TABLE.try_lock() {
            for fd in table.holders.values().map(|h| h.fd).chain(table.parked.iter().copied()) {
                // SAFETY: ours; the parent's own descriptors of the descriptions keep the locks.
                unsafe { libc::close(fd) };
            }
            *table = Table::default();
        }
    }
}
