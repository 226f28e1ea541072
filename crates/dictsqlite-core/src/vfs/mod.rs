//! What we change under SQLite: the file systems it runs on.
//!
//! [`heap`] keeps files in the memory of this process and gives them shared memory, so that a
//! private database runs in WAL mode like one on disk: readers and a writer at the same time,
//! snapshots, and a commit stamp.

mod heap;
#[cfg(test)]
mod tests;

pub(crate) use heap::{HEAP_VFS, private_name, register_heap};
