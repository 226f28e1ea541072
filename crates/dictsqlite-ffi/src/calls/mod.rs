//! The exported functions, as `include/dictsqlite.h` declares them. They route, they decide nothing.

#![allow(unsafe_code)] // For `#[unsafe(no_mangle)]` only: `cargo xtask check floors` sees to that.

mod async_conditional;
mod async_files;
mod async_read;
mod async_store;
mod async_tx;
mod async_write;
mod atomic;
mod changes;
mod conditional;
mod errors;
mod files;
mod free;
mod queues;
mod read;
mod scan;
mod store;
mod tx;
mod tx_use;
mod watch;
mod write;

pub use async_conditional::*;
pub use async_files::*;
pub use async_read::*;
pub use async_store::*;
pub use async_tx::*;
pub use async_write::*;
pub use atomic::*;
pub use changes::*;
pub use conditional::*;
pub use errors::*;
pub use files::*;
pub use free::*;
pub use queues::*;
pub use read::*;
pub use scan::*;
pub use store::*;
pub use tx::*;
pub use tx_use::*;
pub use watch::*;
pub use write::*;

use dictsqlite_core::Dict;

use crate::handles::Table;

/// The dicts that C opened.
static DICTS: Table<Dict> = Table::new("dict");
