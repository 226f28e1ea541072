//! Who holds a database's write lock, where the operating system tells.
//!
//! In WAL mode the writer holds a lock on one byte of the `-shm` file. Linux lists all file locks; a
//! POSIX lock with its process, a lock of an open file description without, but every process lists
//! the locks of its own descriptors.

use std::path::Path;

/// "process 123 (name)" for each process that holds the write lock of the database at `path`.
#[cfg(target_os = "linux")]
pub(crate) fn holders(path: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;

    let mut shm = path.as_os_str().to_owned();
    shm.push("-shm");
    let Ok(metadata) = std::fs::metadata(&shm) else { return Vec::new() };
    let inode = metadata.ino();
    let text = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut found: Vec<u32> = Vec::new();
    let mut nameless = false;
    for lock in text.lines().filter(|lock| is_write_lock(lock, inode)) {
        match pid_of(lock) {
            Some(pid) => found.push(pid),
            None => nameless = true,
        }
    }
    if nameless {
        found.extend(processes().filter(|pid| holds_by_description(*pid, inode)));
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

/// The byte of the `-shm` file that SQLite's writers lock (`WAL_WRITE_LOCK` in its source).
#[cfg(target_os = "linux")]
const WRITE_LOCK: u64 = 120;

/// A line like `5: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120`.
#[cfg(target_os = "linux")]
fn is_write_lock(lock: &str, inode: u64) -> bool {
    let fields: Vec<&str> = lock.split_whitespace().collect();
    let Some(at) = fields.iter().position(|field| *field == "WRITE") else { return false };
    let [_, place, start, end, ..] = &fields[at + 1..] else { return false };
    let byte = |text: &str| text.parse().unwrap_or(u64::MAX);
    place.rsplit(':').next().and_then(|n| n.parse().ok()) == Some(inode)
        && (byte(start)..=byte(end)).contains(&WRITE_LOCK)
}

#[cfg(target_os = "linux")]
fn pid_of(lock: &str) -> Option<u32> {
    let mut fields = lock.split_whitespace().skip_while(|field| *field != "WRITE");
    fields.nth(1)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// True when a descriptor of the process lists the lock. Other users' processes do not tell.
#[cfg(target_os = "linux")]
fn holds_by_description(pid: u32, inode: u64) -> bool {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let mut locks = text.lines().filter_map(|line| line.strip_prefix("lock:"));
        locks.any(|lock| is_write_lock(lock, inode))
    })
}

#[cfg(target_os = "linux")]
fn described(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("process {pid} ({})", name.trim()),
        Err(_) => format!("process {pid}"),
    }
}
