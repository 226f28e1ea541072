//! Files without blocking, on any executor: for whole-file work such as backup, export and restore.
//!
//! [`AsyncVfs`] opens, deletes and renames files; [`AsyncFile`] reads and writes them at positions.
//! Every method gives a [`Completion`](crate::Completion): await it under any executor, wait for it
//! on a thread, or hand it a callback. Buffers are handed over and come back with the result, so an
//! operation owns its memory until the operating system is done with it: a future that is dropped
//! frees nothing that is still in use, and the operation happens all the same.
//!
//! [`DefaultVfs`] takes io_uring where the kernel allows it and a pool of threads elsewhere, and says
//! which ([`AsyncVfs::kind`]). [`MemoryVfs`] keeps files in memory.
//!
//! **Not for the files of an open store.** The database, `-wal` and `-shm` files of a store that is
//! open in this process are SQLite's: opening, deleting or replacing one here is refused.
//!
//! ```
//! use dictsqlite_core::io::{AsyncVfs, Buf, DefaultVfs, OpenOptions, Sync};
//!
//! # async fn run(dir: &std::path::Path) -> dictsqlite_core::Result<()> {
//! let vfs = DefaultVfs::new();
//! let file = vfs.open(&dir.join("notes"), &OpenOptions::create()).await?;
//! file.write_at(Buf::from(b"hello".to_vec()), 0).await?.whole()?;
//! file.sync(Sync::Full).await?;
//! let read = file.read_at(Buf::zeroed(5), 0).await?.whole()?;
//! assert_eq!(&read[..], b"hello");
//! file.close().await
//! # }
//! # let dir = tempfile::tempdir().unwrap();
//! # smol::block_on(run(dir.path())).unwrap();
//! ```

mod backpressure;
mod buf;
mod compare;
mod default;
mod errors;
mod file;
mod handle;
mod live;
mod lock;
mod memory;
mod memory_file;
#[cfg(target_os = "linux")]
mod ofd;
mod os;
mod paths;
mod per_fork;
mod pool;
mod pool_file;
mod pool_vfs;
#[cfg(test)]
mod tests;
mod timer;
#[cfg(target_os = "linux")]
mod uring;
mod vfs;
mod writer;

pub use backpressure::{Backpressure, BackpressureMetrics, Permit, Room};
pub use buf::{ALIGNMENT, Buf};
pub use compare::{
    Comparison, Way, compare_read_performance, compare_read_performance_async,
    compare_read_performance_in, compare_write_performance, compare_write_performance_async,
    compare_write_performance_in,
};
pub use default::DefaultVfs;
pub use file::{AsyncFile, Kind, LockLevel, Sync, Transfer, VectoredTransfer};
pub(crate) use live::guard_by;
pub use memory::MemoryVfs;
pub use pool_vfs::PoolVfs;
#[cfg(target_os = "linux")]
pub use uring::UringVfs;
pub use vfs::{Access, AsyncVfs, OpenOptions};
pub use writer::FileWriter;
