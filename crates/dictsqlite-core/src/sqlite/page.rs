//! A page of a scan: which rows, in which order, from where.

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Row, params_from_iter};

use super::read::{Bind, error_of, read_key, read_value, vouch};
use super::table::{EXPIRES, Table, VERSION};
use crate::error::Result;
use crate::types::{KeyBuf, Order, Value};

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
    pub(crate) now_ms: i64,
}

/// One row of a page.
#[derive(Debug)]
pub(crate) struct PageRow {
    pub(crate) key: KeyBuf,
    pub(crate) value: Option<Value>,
    pub(crate) version: i64,
    pub(crate) expires_at: i64,
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
    out: &mut Vec<PageRow>,
) -> Result<bool> {
    let (sql, parameters) = statement(table, request);
    let step = || -> rusqlite::Result<bool> {
        let mut statement = c.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        let (mut count, mut bytes, mut full) = (0, 0, false);
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let read = page_row(table, row, request.values)?;
            count += 1;
            bytes += read.key.len() + read.value.as_ref().map_or(0, |v| v.len());
            request.after = match request.order {
                Order::Insertion => After::Id(id),
                Order::Key => After::Key(read.key.clone()),
            };
            out.push(read);
            full = bytes >= request.bytes;
            if full {
                break;
            }
        }
        drop(rows);
        vouch(c, table, &statement)?;
        Ok(!full && count < request.rows)
    };
    step().map_err(|e| error_of(e, "scanning"))
}

fn page_row(table: &Table, row: &Row<'_>, values: bool) -> rusqlite::Result<PageRow> {
    let key = read_key(table.id, row.get_ref(1)?)?;
    let value = if values { Some(read_value(table, row.get_ref(2)?, &key)?) } else { None };
    let expires_at = row.get::<_, Option<i64>>(4)?.unwrap_or(0);
    Ok(PageRow { key, value, version: row.get(3)?, expires_at })
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
    let sql = format!(
        "SELECT id, key, {value}, {VERSION}, {EXPIRES} FROM {} WHERE {conditions} \
         ORDER BY {column} {direction} LIMIT ?{limit}",
        table.sql.name
    );
    (sql, parameters)
}
