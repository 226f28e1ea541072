//! Everything that knows SQLite: the only place with SQL text. The floors above speak to it in the
//! store's own words: apply these operations, get these keys, a page of a scan.

mod alone;
mod command;
mod copy;
mod doubt;
mod fault;
mod holder;
mod inspect;
mod log;
mod logging;
mod open;
mod page;
mod propose;
mod raw;
mod read;
mod schema;
mod stamp;
mod streams;
mod table;
mod triggers;
mod upkeep;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use alone::Alone;
pub(crate) use copy::{Source, problems_of_file};
pub(crate) use holder::holders;
pub use inspect::{Inspection, Look, TableFacts, Users, ground_of, inspect, users};
pub(crate) use log::{LogFilter, LogState};
pub(crate) use open::{FileId, Opener, Place};
pub(crate) use page::{After, Bounds, PageRequest};
pub(crate) use propose::print_of;
pub(crate) use raw::{Extent, merge};
pub(crate) use read::{Found, Reader, other_codec};
pub(crate) use schema::check_name;
pub(crate) use stamp::Stamps;
pub(crate) use streams::{Body, CHUNK_BYTES};
pub(crate) use table::{Count, Table, Tables};
pub(crate) use upkeep::Upkeep;
pub(crate) use write::{Applied, BlindWrite, Undone, WriteConnection, locked};
