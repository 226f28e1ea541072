//! The C interface of dictsqlite: `libdictsqlite.so` and `libdictsqlite.a`, declared in
//! `include/dictsqlite.h`, which is generated from this crate.
//!
//! `calls` has the exported functions. They read what C hands over through `raw`, the one place
//! that follows its pointers, find the object of a handle in `handles`, route to the engine, and turn
//! what comes back into C's terms. No panic and no error leaves otherwise than as a code.

#![allow(non_camel_case_types)] // The names are C's.

mod calls;
mod dispatch;
mod exit;
mod guard;
mod handles;
mod open;
mod operation;
mod queue;
mod raw;

pub use calls::*;
pub use raw::*;
