//! Another connection: plain SQLite at the same file, as any tool of the user's.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};

/// Runs a statement and gives its rows.
pub(crate) fn run(file: &Path, sql: &str) -> Result<Value> {
    let rows = || -> rusqlite::Result<Vec<Value>> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        if columns == 0 {
            statement.execute([])?;
            return Ok(Vec::new());
        }
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|at| row.get_ref(at).map(cell));
            found.push(Value::Array(cells.collect::<rusqlite::Result<_>>()?));
        }
        Ok(found)
    };
    rows().map(Value::Array).with_context(|| sql.to_owned())
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => {
            json!({ "b": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
        }
    }
}
