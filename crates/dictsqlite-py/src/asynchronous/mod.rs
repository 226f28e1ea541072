//! Awaiting the engine from asyncio.
//!
//! What memory can answer is done when the call returns: a [`done::Done`], awaited for the price of
//! a few instructions. Everything else is a future of the running loop. Threads of the engine own no
//! Python object and never take the interpreter: they put results into the loop's inbox and write one
//! byte to a pipe the loop watches, once for all that is waiting; the loop's side keeps the
//! futures and turns results into Python values.

mod done;
mod handles;
mod hub;
mod inbox;
mod methods;
mod outside;
mod pages;
mod reads;

pub(crate) use done::Done;
pub(crate) use hub::{awaitable, later};
pub(crate) use methods::Awaitable;
pub(crate) use pages::AsyncScan;
