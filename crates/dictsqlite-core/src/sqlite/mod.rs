//! Everything that knows SQLite: the only place with SQL text. The floors above speak to it in the
//! store's own words: apply these operations, get these keys, a page of a scan.

mod alone;
mod command;
mod copy;
mod fault;
mod holder;
mod inspect;
mod open;
mod page;
mod raw;
mod read;
mod schema;
mod stamp;
mod table;
mod upkeep;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use alone::Alone;
pub(crate) use copy::{Source, problems_of_file};
pub(crate) use holder::holders;
pub use inspect::{Inspection, Look, TableFacts, Users, ground_of, inspect, users};
pub(crate) use open::{FileId, Opener, Place};
pub(crate) use page::{After, Bounds, PageRequest};
pub(crate) use raw::{Extent, merge};
pub(crate) use read::{Reader, other_codec};
pub(crate) use schema::check_name;
pub(crate) use stamp::Stamps;
pub(crate) use table::{Count, Table, Tables};
pub(crate) use upkeep::Upkeep;
pub(crate) use write::{Applied, BlindWrite, Undone, WriteConnection, locked};
