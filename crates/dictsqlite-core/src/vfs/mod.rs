//! What we change under SQLite: the file systems it runs on.
//!
//! [`heap`] keeps files in the memory of this process and gives them shared memory, so that a
//! private database runs in WAL mode like one on disk: readers and a writer at the same time,
//! snapshots, and a commit stamp. [`locks`] gives SQLite's files on disk locks that nobody else in
//! the process can drop, and [`fork`] brings both through a fork.

pub(crate) mod fork;
mod heap;
mod locks;
#[cfg(test)]
mod tests;

pub(crate) use heap::{HEAP_VFS, private_name, register_heap};
pub(crate) use locks::install as install_locks;
