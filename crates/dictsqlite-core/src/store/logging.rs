//! Whether the changes of a table are logged.

use std::time::Instant;

use super::{Store, read_only, unexpected};
use crate::error::{Error, Result};
use crate::sqlite::{Reader, Table};
use crate::types::{Command, Outcome};

impl Store {
    /// True when the file says so.
    pub(crate) fn logs_changes(&self, table: &Table, deadline: Instant) -> Result<bool> {
        let log = self.readers.borrow(deadline)?.snapshot(Reader::log_state)?;
        Ok(log.tables.contains(&table.name))
    }

    /// Sees to it that they are, or refuses that they are.
    pub(crate) fn settle_changes(
        &self,
        table: &Table,
        wanted: Option<bool>,
        deadline: Instant,
    ) -> Result<()> {
        let Some(wanted) = wanted else { return Ok(()) };
        match (self.logs_changes(table, deadline)?, wanted) {
            (false, true) if self.is_read_only() => Err(read_only()),
            (false, true) => {
                let command = Command::EnableChanges { table: table.id, count: None, age_ms: None };
                match self.command(command, deadline, false).wait()? {
                    Outcome::Done => Ok(()),
                    _ => Err(unexpected()),
                }
            }
            (true, false) => Err(Error::invalid(format!(
                "table {:?} logs its changes, which is recorded in the file; open it with \
                 changes=True, or without the option",
                table.name
            ))),
            _ => Ok(()),
        }
    }
}
