//! A page of a scan: which rows, in which order, from where.

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Row, params_from_iter};

use super::read::{Bind, error_of, value_bytes, vouch, with_key};
use super::table::{EXPIRES, Table, VERSION};
use crate::error::Result;
use crate::types::{KeyBuf, NEVER, Order, Page};

/// Which keys: packed, from `start` on, before `end`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) start: Option<KeyBuf>,
    pub(crate) end: Option<KeyBuf>,
}

/// Where the page before ended.
#[derive(Clone, Debug)]
pub(crate) enum After {
    Start,
    Id(i64),
    Key(KeyBuf),
}

/// What to read.
#[derive(Clone, Debug)]
pub(crate) struct PageRequest {
    pub(crate) order: Order,
    pub(crate) reverse: bool,
    pub(crate) bounds: Bounds,
    pub(crate) after: After,
    /// The newest row when the scan began: what comes later is not part of it.
    pub(crate) newest: Option<i64>,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) values: bool,
    /// Whether versions and expiries are read.
    pub(crate) details: bool,
    pub(crate) now_ms: i64,
}

/// A parameter of a scan's statement. A bound need not be a valid key: the end of a text prefix may
/// be no valid UTF-8, which SQLite compares byte by byte all the same.
enum Parameter {
    Int(i64),
    Bound(KeyBuf),
}

impl ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Parameter::Int(i) => i.to_sql(),
            Parameter::Bound(key) => Ok(Bind(key).output()),
        }
    }
}

/// Reads a page and moves `request.after` behind it. True when there is nothing after it.
pub(super) fn read(
    c: &Connection,
    table: &Table,
    request: &mut PageRequest,
    out: &mut Page,
) -> Result<bool> {
    let (sql, parameters) = statement(table, request);
    let (mut count, mut last) = (0, None);
    let step = || -> rusqlite::Result<bool> {
        let mut statement = c.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        let mut full = false;
        while let Some(row) = rows.next()? {
            push_row(c, table, row, request, out)?;
            count += 1;
            if request.order == Order::Insertion {
                let id = row.get(ID)?;
                out.place_last(id);
                last = Some(id);
            }
            full = out.bytes() >= request.bytes;
            if full {
                break;
            }
        }
        drop(rows);
        vouch(c, table, &statement)?;
        Ok(!full && count < request.rows)
    };
    let ended = step();
    match (last, out.last_key()) {
        (Some(id), _) => request.after = After::Id(id),
        (None, Some(key)) => request.after = After::Key(KeyBuf::from_slice(key)),
        (None, None) => {}
    }
    ended.map_err(|e| error_of(e, "scanning"))
}

const KEY: usize = 0;
const VALUE: usize = 1;
const ID: usize = 2;
const VERSION_OF: usize = 3;
const EXPIRES_AT: usize = 4;

fn push_row(
    c: &Connection,
    table: &Table,
    row: &Row<'_>,
    request: &PageRequest,
    out: &mut Page,
) -> rusqlite::Result<()> {
    let key = row.get_ref(KEY)?;
    let packed = with_key(key, |key| out.push_key(table.id, key))?;
    let value = match request.values {
        true => Some(value_bytes(c, table, row.get_ref(VALUE)?, packed)?),
        false => None,
    };
    let (version, expires_at) = match request.details {
        true => (row.get(VERSION_OF)?, row.get::<_, Option<i64>>(EXPIRES_AT)?.unwrap_or(NEVER)),
        false => (0, NEVER),
    };
    out.push_value(value.as_deref(), version, expires_at);
    Ok(())
}

fn statement(table: &Table, request: &PageRequest) -> (String, Vec<Parameter>) {
    let mut parameters = vec![Parameter::Int(request.now_ms)];
    let mut conditions = vec!["(expires_at IS NULL OR expires_at > ?1)".to_owned()];
    let mut condition = |text: &str, value: Parameter| {
        parameters.push(value);
        conditions.push(format!("{text} ?{}", parameters.len()));
    };
    if let Some(start) = &request.bounds.start {
        condition("key >=", Parameter::Bound(start.clone()));
    }
    if let Some(end) = &request.bounds.end {
        condition("key <", Parameter::Bound(end.clone()));
    }
    if let Some(newest) = request.newest {
        condition("id <=", Parameter::Int(newest));
    }
    match &request.after {
        After::Start => {}
        After::Id(id) if request.reverse => condition("id <", Parameter::Int(*id)),
        After::Id(id) => condition("id >", Parameter::Int(*id)),
        After::Key(key) if request.reverse => condition("key <", Parameter::Bound(key.clone())),
        After::Key(key) => condition("key >", Parameter::Bound(key.clone())),
    }
    let column = if request.order == Order::Key { "key" } else { "id" };
    let direction = if request.reverse { "DESC" } else { "ASC" };
    let value = if request.values { table.sql.value } else { "NULL" };
    let conditions = conditions.join(" AND ");
    let limit = parameters.len() + 1;
    parameters.push(Parameter::Int(request.rows as i64));
    let details = if request.details { VERSION } else { "NULL" };
    let sql = format!(
        "SELECT key, {value}, id, {details}, {EXPIRES} FROM {} WHERE {conditions} \
         ORDER BY {column} {direction} LIMIT ?{limit}",
        table.sql.name
    );
    (sql, parameters)
}
