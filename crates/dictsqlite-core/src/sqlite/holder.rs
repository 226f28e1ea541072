//! Who holds a database's write lock, where the operating system tells.
//!
//! In WAL mode the writer holds a lock on one byte of the `-shm` file. Linux lists all file locks; a
//! POSIX lock with its process, a lock of an open file description without, but every process lists
//! the locks of its own descriptors.

use std::path::Path;

/// "process 123 (name)" for each process that holds the write lock of the database at `path`.
#[cfg(target_os = "linux")]
pub(crate) fn holders(path: &Path) -> Vec<String> {
    inode(path, "-shm").map_or_else(Vec::new, |shm| held(&[(shm, &WRITE)]))
}

/// Those that hold the write lock, those that are inside a read transaction or hold a lock on the
/// database itself, and those that have it open.
#[cfg(target_os = "linux")]
pub(super) fn users(path: &Path) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (shm, database) = (inode(path, "-shm"), inode(path, ""));
    let of = |kind: &'static Kind| shm.map(|inode| (inode, kind));
    let own = |kind: &'static Kind| database.map(|inode| (inode, kind));
    let held = |wanted: &[Option<(u64, &Kind)>]| {
        held(&wanted.iter().flatten().copied().collect::<Vec<_>>())
    };
    (
        held(&[of(&WRITE), own(&PENDING)]),
        held(&[of(&READ), own(&PENDING)]),
        held(&[of(&OPEN), own(&ANY)]),
    )
}

#[cfg(not(target_os = "linux"))]
pub(super) fn users(_path: &Path) -> (Vec<String>, Vec<String>, Vec<String>) {
    Default::default()
}

#[cfg(target_os = "linux")]
fn inode(path: &Path, suffix: &str) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;

    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    std::fs::metadata(&name).ok().map(|metadata| metadata.ino())
}

/// The processes that hold one of these locks, each on its file.
#[cfg(target_os = "linux")]
fn held(wanted: &[(u64, &Kind)]) -> Vec<String> {
    let text = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let is_wanted = |lock: &str| wanted.iter().any(|(inode, kind)| is_lock(lock, *inode, kind));
    let mut found: Vec<u32> = Vec::new();
    let mut nameless = false;
    for lock in text.lines().filter(|lock| is_wanted(lock)) {
        match pid_of(lock) {
            Some(pid) => found.push(pid),
            None => nameless = true,
        }
    }
    if nameless {
        found.extend(processes().filter(|pid| holds_by_description(*pid, &is_wanted)));
    }
    found.sort_unstable();
    found.dedup();
    let own = std::process::id();
    found.into_iter().filter(|pid| *pid != own).map(described).collect()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn holders(_path: &Path) -> Vec<String> {
    Vec::new()
}

/// A lock that SQLite takes: a range of bytes, and whether it is taken for writing.
#[cfg(target_os = "linux")]
struct Kind {
    first: u64,
    last: u64,
    /// Taken for reading as well.
    shared: bool,
}

/// The byte of the `-shm` file that SQLite's writers lock (`WAL_WRITE_LOCK` in its source).
#[cfg(target_os = "linux")]
const WRITE: Kind = Kind { first: 120, last: 120, shared: false };
/// The bytes of the `-shm` file that readers lock while they read (`WAL_READ_LOCK`).
#[cfg(target_os = "linux")]
const READ: Kind = Kind { first: 123, last: 127, shared: true };
/// The byte of the `-shm` file that everybody locks who has it open (the "dead man's switch").
#[cfg(target_os = "linux")]
const OPEN: Kind = Kind { first: 128, last: 128, shared: true };
/// The bytes of the database that are locked by who has it for itself, and by writers without a log.
#[cfg(target_os = "linux")]
const PENDING: Kind = Kind { first: 0x4000_0000, last: 0x4000_01FF, shared: false };
/// The same, for reading too.
#[cfg(target_os = "linux")]
const ANY: Kind = Kind { shared: true, ..PENDING };

/// A line like `5: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120`.
#[cfg(target_os = "linux")]
fn is_lock(lock: &str, inode: u64, kind: &Kind) -> bool {
    let fields: Vec<&str> = lock.split_whitespace().collect();
    // `->` marks who waits for a lock.
    if fields.contains(&"->") {
        return false;
    }
    let how = |field: &&str| *field == "WRITE" || (kind.shared && *field == "READ");
    let Some(at) = fields.iter().position(how) else { return false };
    let [_, place, start, end, ..] = &fields[at + 1..] else { return false };
    // A lock without an end is up to `EOF`.
    let byte = |text: &str| text.parse().unwrap_or(u64::MAX);
    place.rsplit(':').next().and_then(|n| n.parse().ok()) == Some(inode)
        && byte(start) <= kind.last
        && kind.first <= byte(end)
}

#[cfg(target_os = "linux")]
fn pid_of(lock: &str) -> Option<u32> {
    let mut fields = lock.split_whitespace().skip_while(|field| !["WRITE", "READ"].contains(field));
    fields.nth(1)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// True when a descriptor of the process lists such a lock. Other users' processes do not tell.
#[cfg(target_os = "linux")]
fn holds_by_description(pid: u32, is_wanted: &impl Fn(&str) -> bool) -> bool {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let mut locks = text.lines().filter_map(|line| line.strip_prefix("lock:"));
        locks.any(is_wanted)
    })
}

#[cfg(target_os = "linux")]
fn described(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", name.trim()),
        Err(_) => format!("process {pid}"),
    }
}
