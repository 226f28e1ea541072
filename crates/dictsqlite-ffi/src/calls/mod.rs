//! The exported functions, as `include/dictsqlite.h` declares them. They route, they decide nothing.

#![allow(unsafe_code)] // For `#[unsafe(no_mangle)]` only: `cargo xtask check floors` sees to that.

mod async_conditional;
mod async_read;
mod async_store;
mod async_write;
mod conditional;
mod errors;
mod free;
mod queues;
mod read;
mod scan;
mod store;
mod write;

pub use async_conditional::*;
pub use async_read::*;
pub use async_store::*;
pub use async_write::*;
pub use conditional::*;
pub use errors::*;
pub use free::*;
pub use queues::*;
pub use read::*;
pub use scan::*;
pub use store::*;
pub use write::*;

use dictsqlite_core::Dict;

use crate::handles::Table;

/// The dicts that C opened.
static DICTS: Table<Dict> = Table::new("dict");
