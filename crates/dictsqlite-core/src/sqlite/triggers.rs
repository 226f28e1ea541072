//! The triggers that keep a table's change log, whoever writes to it.
//!
//! A row our own writer writes has the number of its operation as its version: that is what is logged.
//! The writer says so in `_dictsqlite_writer`, inside its transaction only: versions above `own` are
//! such numbers. Everybody else's writes, and what is deleted, take the next number of the counter;
//! the writer gives a deletion its own number in `take`.
//!
//! Where these are the only triggers of the file, our writer does without them: its connection runs no
//! triggers but temporary ones of its own, which need not ask who writes. That saves a third of the price.
//!
//! `INSERT OR REPLACE` and `UPDATE OR REPLACE` remove rows without firing a delete trigger. So what
//! would have to go is noted in `_dictsqlite_replaced` before such a write, and logged after it; if it
//! did not happen (`OR IGNORE`, an upsert), the note is never looked at.

use super::table::quoted;
use crate::types::StorageMode;

/// What all tables share.
pub(super) const SHARED: &str = "
CREATE TABLE IF NOT EXISTS _dictsqlite_changes(seq INTEGER PRIMARY KEY, kind TEXT NOT NULL,
    \"table\" TEXT NOT NULL, codec TEXT NOT NULL, key, old, new, expires_at INTEGER, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS _dictsqlite_writer(own INTEGER, take INTEGER NOT NULL, clock INTEGER);
INSERT INTO _dictsqlite_writer SELECT NULL, 0, NULL WHERE NOT EXISTS (SELECT 1 FROM _dictsqlite_writer);
CREATE TABLE IF NOT EXISTS _dictsqlite_replaced(\"table\", id, key, value, expires_at);
CREATE TRIGGER IF NOT EXISTS _dictsqlite_removed AFTER DELETE ON _dictsqlite_changes
WHEN (SELECT own FROM _dictsqlite_writer) IS NULL BEGIN
    UPDATE _dictsqlite SET value = max(value, OLD.seq) WHERE name = 'changes_removed';
    UPDATE _dictsqlite SET value = value - 1 WHERE name = 'changes_rows'
        AND OLD.seq <= (SELECT value FROM _dictsqlite WHERE name = 'changes_counted');
END;";

/// In every SQLite there is; newer ones have shorter words for it.
const NOW: &str = "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)";
const COUNTER: &str = "(SELECT value FROM _dictsqlite WHERE name = 'counter')";
const LOG: &str = "INSERT INTO _dictsqlite_changes \
                   (seq, kind, \"table\", codec, key, old, new, expires_at, at)";
const OTHERS: &str = "(SELECT NEW.version > own FROM _dictsqlite_writer) IS NOT 1";
/// Whatever names a row's place or its key, by all the names that SQLite has for it.
const PLACE: &str = "id, rowid, oid, _rowid_, key";

/// What the writer's own triggers are told: the number of the next row deleted, and the time.
pub(super) const MOMENT: &str = "
CREATE TEMP TABLE IF NOT EXISTS _dictsqlite_moment(take INTEGER NOT NULL, clock INTEGER NOT NULL);
INSERT INTO temp._dictsqlite_moment SELECT 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM temp._dictsqlite_moment);";
const CLOCK: &str = "(SELECT clock FROM _dictsqlite_moment)";

/// The writer's own triggers of one table; those of a table of the same name before it are removed.
pub(super) fn own_of_table(name: &str, physical: &str, storage: StorageMode) -> String {
    let what = format!("{}, '{}'", text(name), storage.name());
    let on = format!("ON main.{}", quoted(physical));
    let trigger = |purpose: &str| format!("CREATE TEMP TRIGGER {}", own_name(purpose, physical));
    let row = "NEW.value, NEW.expires_at";
    format!(
        "{removed} \
         {insert} AFTER INSERT {on} BEGIN \
             {LOG} VALUES(NEW.version, 'insert', {what}, NEW.key, NULL, {row}, {CLOCK}); END; \
         {update} AFTER UPDATE OF value, expires_at {on} BEGIN \
             {LOG} VALUES(NEW.version, 'update', {what}, NEW.key, OLD.value, {row}, {CLOCK}); END; \
         {delete} AFTER DELETE {on} BEGIN \
             UPDATE _dictsqlite SET value = value + 1 WHERE name = 'counter' \
                 AND (SELECT take FROM _dictsqlite_moment) = 0; \
             {LOG} SELECT CASE take WHEN 0 THEN {COUNTER} ELSE take END, \
                 CASE WHEN OLD.expires_at <= clock THEN 'expire' ELSE 'delete' END, {what}, OLD.key, \
                 OLD.value, NULL, NULL, clock FROM _dictsqlite_moment; \
             UPDATE _dictsqlite_moment SET take = 0 WHERE take <> 0; END;",
        removed = remove_own(physical),
        insert = trigger("insert"),
        update = trigger("update"),
        delete = trigger("delete"),
    )
}

/// The statements that remove them.
pub(super) fn remove_own(physical: &str) -> String {
    let remove = |purpose| format!("DROP TRIGGER IF EXISTS temp.{}; ", own_name(purpose, physical));
    ["insert", "update", "delete"].map(remove).concat()
}

fn own_name(purpose: &str, physical: &str) -> String {
    quoted(&format!("_dictsqlite_own_{purpose}_{physical}"))
}

fn text(s: &str) -> String {
    format!("'{}'", s.replace('\'', "''"))
}

/// The statements that make the triggers of one table.
pub(super) fn of_table(name: &str, physical: &str, storage: StorageMode) -> String {
    let t = quoted(physical);
    let table = text(name);
    let what = format!("{table}, '{}'", storage.name());
    let trigger = |purpose: &str| {
        format!("CREATE TRIGGER {} ", quoted(&format!("_dictsqlite_{purpose}_{physical}")))
    };
    let noted = format!("_dictsqlite_replaced WHERE \"table\" = {table}");
    // What another's write has removed, each row under a number of its own, then the write itself.
    let bury = format!(
        "{LOG} SELECT {COUNTER} + 1 + (SELECT count(*) FROM _dictsqlite_replaced b \
             WHERE b.\"table\" = {table} AND b.id < a.id), \
             CASE WHEN a.expires_at <= {NOW} THEN 'expire' ELSE 'delete' END, {what}, a.key, a.value, \
             NULL, NULL, {NOW} FROM _dictsqlite_replaced a WHERE a.\"table\" = {table}; \
         UPDATE _dictsqlite SET value = value + 1 + (SELECT count(*) FROM {noted}) \
             WHERE name = 'counter'; \
         DELETE FROM {noted};"
    );
    let number = format!("UPDATE {t} SET version = {COUNTER} WHERE id = NEW.id;");
    let logged = |kind: &str, old: &str| {
        format!(
            "{LOG} SELECT value, {kind}, {what}, NEW.key, {old}, NEW.value, NEW.expires_at, {NOW} \
             FROM _dictsqlite WHERE name = 'counter';"
        )
    };
    let own = |kind: &str, old: &str| {
        format!(
            "{LOG} SELECT NEW.version, '{kind}', {what}, NEW.key, {old}, NEW.value, \
             NEW.expires_at, clock FROM _dictsqlite_writer WHERE NEW.version > own;"
        )
    };
    let moved = "(OLD.id IS NOT NEW.id OR OLD.key IS NOT NEW.key)";
    let same = "CASE WHEN OLD.key IS NEW.key";
    [
        trigger("insert")
            + &format!("AFTER INSERT ON {t} BEGIN {} END;", own("insert", "NULL")),
        trigger("update")
            + &format!(
                "AFTER UPDATE OF value, expires_at ON {t} BEGIN {} END;",
                own("update", "OLD.value")
            ),
        trigger("delete")
            + &format!(
                "AFTER DELETE ON {t} BEGIN \
                 DELETE FROM {noted} AND id = OLD.id; \
                 UPDATE _dictsqlite SET value = value + 1 WHERE name = 'counter' \
                     AND (SELECT take FROM _dictsqlite_writer) = 0; \
                 {LOG} SELECT CASE take WHEN 0 THEN {COUNTER} ELSE take END, \
                     CASE WHEN OLD.expires_at <= coalesce(clock, {NOW}) THEN 'expire' \
                     ELSE 'delete' END, {what}, OLD.key, OLD.value, NULL, NULL, \
                     coalesce(clock, {NOW}) FROM _dictsqlite_writer; \
                 UPDATE _dictsqlite_writer SET take = 0 WHERE take <> 0; END;"
            ),
        trigger("before_insert")
            + &format!(
                "BEFORE INSERT ON {t} WHEN {OTHERS} BEGIN DELETE FROM {noted}; \
                 INSERT INTO _dictsqlite_replaced SELECT {table}, id, key, value, expires_at \
                     FROM {t} WHERE key = NEW.key OR id = NEW.id; END;"
            ),
        trigger("other_insert")
            + &format!(
                "AFTER INSERT ON {t} WHEN {OTHERS} BEGIN {bury} {} {number} END;",
                logged("'insert'", "NULL")
            ),
        trigger("other_update")
            + &format!(
                "AFTER UPDATE OF {PLACE}, value, expires_at ON {t} WHEN {OTHERS} AND NOT {moved} \
                 BEGIN UPDATE _dictsqlite SET value = value + 1 WHERE name = 'counter'; {} {number} \
                 END;",
                logged("'update'", "OLD.value")
            ),
        trigger("before_move")
            + &format!(
                "BEFORE UPDATE OF {PLACE} ON {t} WHEN {moved} BEGIN DELETE FROM {noted}; \
                 INSERT INTO _dictsqlite_replaced SELECT {table}, id, key, value, expires_at \
                     FROM {t} WHERE (key = NEW.key OR id = NEW.id) AND id <> OLD.id; END;"
            ),
        trigger("move")
            + &format!(
                "AFTER UPDATE OF {PLACE} ON {t} WHEN {moved} BEGIN \
                 INSERT INTO _dictsqlite_replaced SELECT {table}, OLD.id, OLD.key, OLD.value, \
                     OLD.expires_at WHERE OLD.key IS NOT NEW.key; {bury} {} {number} END;",
                logged(
                    &format!("{same} THEN 'update' ELSE 'insert' END"),
                    &format!("{same} THEN OLD.value END")
                )
            ),
    ]
    .join("\n")
}
