//! Bringing entries into the cache before they are asked for.

use super::Store;
use crate::cache::{Look, View};
use crate::types::{Page, RowRef};

impl Store {
    /// Puts what a page read into the cache, as long as nobody has committed since `view`, which was
    /// taken before the page was read. Gives how many entries of it the cache has then.
    pub(crate) fn warm(&self, page: &Page, view: View) -> u64 {
        let rows = (0..page.len()).filter_map(|n| page.row(n));
        rows.filter(|row| self.warm_row(row, view)).count() as u64
    }

    fn warm_row(&self, row: &RowRef<'_>, view: View) -> bool {
        match self.state.cache.look(row.packed(), view.epoch) {
            Look::Hit(_) => true,
            Look::Pass => false,
            // A commit after the look at the stamp voids the fill; one before it shows.
            Look::Miss(fill) => {
                let Some(entry) = row.entry().filter(|_| self.state.still(view)) else {
                    return false;
                };
                fill.with(super::read::cached_of(&entry, view.epoch));
                true
            }
        }
    }
}
