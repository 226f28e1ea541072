//! What we change under SQLite: the file systems it runs on.
//!
//! [`heap`] keeps files in the memory of this process and gives them shared memory, so that a
//! private database runs in WAL mode like one on disk: readers and a writer at the same time,
//! snapshots, and a commit stamp. [`locks`] gives SQLite's files on disk locks that nobody else in
//! the process can drop, and [`fork`] brings both through a fork.

#[cfg(all(test, target_os = "linux"))]
mod faults;
pub(crate) mod fork;
pub(crate) mod ground;
mod heap;
mod locks;
mod memory;
mod raw;
#[cfg(test)]
mod tests;

#[cfg(all(test, target_os = "linux"))]
pub(crate) use faults::Broken;
pub(crate) use heap::{HEAP_VFS, private_name, register_heap};
pub(crate) use locks::install as install_locks;
pub(crate) use raw::{RawFiles, Which};
