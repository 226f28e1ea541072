//! The files of open stores are not to be touched: closing a descriptor of a database drops every
//! POSIX lock that this process has on it, and writing to it behind SQLite damages it.
//!
//! Which stores are open is known on a floor above, which leaves a function here.

use std::path::Path;

use crate::error::{Error, Result};
use crate::sync::Mutex;

/// Says whether a path is a file of an open store.
type Guard = fn(&Path) -> bool;

static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

/// Has `guard` asked before a path is opened, deleted or renamed.
pub(crate) fn guard_by(guard: Guard) {
    *GUARD.lock() = Some(guard);
}

/// `Invalid` when the path is a file of an open store.
pub(super) fn check(path: &Path) -> Result<()> {
    let guard = *GUARD.lock();
    if guard.is_some_and(|is_live| is_live(path)) {
        return Err(Error::invalid(format!(
            "{} belongs to a store that is open in this process; close the store first, or use its \
             own backup",
            path.display()
        )));
    }
    Ok(())
}
