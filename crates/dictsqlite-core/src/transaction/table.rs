//! Other tables of the store in the same transaction.

use std::sync::Arc;

use super::read::reader;
use super::{Inner, Transaction};
use crate::completion::Completion;
use crate::error::{Error, Result};
use crate::sqlite::{Table, check_name, other_codec};
use crate::store::unexpected;
use crate::types::{Command, Outcome, StorageMode, TableSpec, TransactionMode};

impl Transaction {
    /// The same transaction on another table. With `storage` the table must have that codec; `None`
    /// takes the one that it has. In a concurrent transaction a missing table is made, at once and
    /// whether the transaction is committed or not, with `storage` or this table's codec.
    ///
    /// # Errors
    /// `Codec` when the table has another codec, `Invalid` when it is missing and cannot be made here;
    /// else as [`Transaction::get`].
    pub fn table(&self, name: &str, storage: Option<StorageMode>) -> Result<Self> {
        if let Some(found) = self.find(&mut *self.shared.open()?, name, storage)? {
            return Ok(found);
        }
        let made = self.make(name, storage).wait()?;
        self.made(&mut *self.shared.open()?, made)
    }

    /// [`Transaction::table`] without blocking.
    pub fn table_async(&self, name: &str, storage: Option<StorageMode>) -> Completion<Self> {
        let (completer, completion) = crate::completion::pair();
        let (tx, name) = (self.again(), name.to_owned());
        let asked = name.clone();
        let found = self.on_worker(move |tx, inner| tx.find(inner, &asked, storage));
        found.on_done(move |found| match found {
            Ok(Some(found)) => completer.complete(Ok(found)),
            Ok(None) => tx.make(&name, storage).on_done(move |made| {
                let table = made.and_then(|made| tx.made(&mut *tx.shared.enter()?, made));
                completer.complete(table);
            }),
            Err(e) => completer.complete(Err(e)),
        });
        completion
    }

    fn on(&self, table: Arc<Table>) -> Self {
        Self { table, ..self.again() }
    }

    /// The table, if the snapshot has it.
    fn find(
        &self,
        inner: &mut Inner,
        name: &str,
        storage: Option<StorageMode>,
    ) -> Result<Option<Self>> {
        check_name(name)?;
        let tables = &self.shared.store.state.tables;
        let newer = inner.newer.iter().filter_map(|id| tables.get(*id));
        let newer = newer.into_iter().find(|table| table.name == name);
        let table = match newer {
            Some(table) => Some(table),
            None => reader(inner)?.find_table(name)?.map(|record| tables.intern(name, &record)),
        };
        let Some(table) = table else { return Ok(None) };
        match storage.filter(|storage| *storage != table.storage) {
            Some(asked) => Err(other_codec(name, table.storage, asked)),
            None => Ok(Some(self.on(table))),
        }
    }

    /// Has the writer make a table.
    fn make(&self, name: &str, storage: Option<StorageMode>) -> Completion<u32> {
        let shared = &self.shared;
        if shared.mode != TransactionMode::Concurrent || shared.store.is_read_only() {
            return Completion::ready(Err(Error::invalid(format!(
                "there is no table {name:?}, and this transaction cannot make it; open it with the \
                 dict's `table` before the transaction"
            ))));
        }
        if let Err(waits_for_itself) = shared.store.check_not_lent() {
            return Completion::ready(Err(waits_for_itself));
        }
        let storage = storage.unwrap_or(self.table.storage);
        let spec = TableSpec { name: name.to_owned(), storage };
        let made = shared.store.command(Command::OpenTable(spec), shared.deadline(), false);
        made.then(|outcome| match outcome? {
            Outcome::Table(id) => Ok(id),
            _ => Err(unexpected()),
        })
    }

    fn made(&self, inner: &mut Inner, id: u32) -> Result<Self> {
        let table = self.shared.store.state.tables.get(id).ok_or_else(unexpected)?;
        if !inner.newer.contains(&id) {
            inner.newer.push(id);
        }
        Ok(self.on(table))
    }
}
