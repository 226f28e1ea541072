//! Whole files: backups and their restoring, exports and imports, and the upkeep of a file.

use std::path::Path;
use std::sync::Arc;

use dictsqlite_core::{
    BackupOptions, Dict, Error, ExportOptions, ImportOptions, Progress, RestoreOptions,
};
use serde_json::{Value as Json, json};

use crate::operations::{Form, Outcome, reply};
use crate::request::Request;
use crate::{Bug, Reply};

/// The one of them that needs no handle.
pub(crate) fn restore(r: &Request, form: Form) -> Result<Reply, Bug> {
    let (source, path) = (r.text("source")?, r.text("path")?);
    let overwrite = r.flag("overwrite")?.unwrap_or(false);
    let options = RestoreOptions { overwrite, ..RestoreOptions::default() };
    let restored = form.of(
        || dictsqlite_core::restore(source, path, &options),
        || dictsqlite_core::restore_async(source, path, &options),
    );
    Ok(reply(restored, |copied| json!(copied.bytes)))
}

pub(crate) fn answer(dict: &Arc<Dict>, op: &str, r: &Request, form: Form) -> Result<Reply, Bug> {
    Ok(match op {
        "backup" => {
            let dest = Path::new(r.text("dest")?);
            let overwrite = r.flag("overwrite")?.unwrap_or(false);
            let options = BackupOptions { overwrite, ..BackupOptions::default() };
            let copied =
                form.of(|| dict.backup(dest, &options), || dict.backup_async(dest, &options));
            reply(copied, |copied| json!(copied.bytes))
        }
        "export" => {
            let dest = Path::new(r.text("dest")?);
            let options = match export_options(r)? {
                Ok(options) => options,
                Err(refused) => return Ok(Reply::Refused(refused)),
            };
            let count =
                form.of(|| dict.export(dest, &options), || dict.export_async(dest, &options));
            reply(count, Json::from)
        }
        "import_export" => {
            let source = Path::new(r.text("source")?);
            let options = match import_options(r)? {
                Ok(options) => options,
                Err(refused) => return Ok(Reply::Refused(refused)),
            };
            let done =
                form.of(|| dict.import(source, &options), || dict.import_async(source, &options));
            reply(done, |done| {
                json!({
                    "read": done.read,
                    "written": done.written,
                    "skipped": done.skipped,
                    "expired": done.expired,
                })
            })
        }
        "warm" => {
            let (prefix, progress) = (r.optional_key("prefix")?, Progress::new());
            let warmed = form.of(
                || dict.warm(prefix.as_ref(), &progress),
                || dict.warm_async(prefix.clone(), &progress),
            );
            reply(warmed, |warmed| json!([warmed.read, warmed.cached]))
        }
        "vacuum" => {
            let progress = Progress::new();
            let sizes = form.of(|| dict.vacuum(&progress), || dict.vacuum_async(&progress));
            reply(sizes, |(before, after)| json!([before, after]))
        }
        "checkpoint" => {
            let done = form.of(|| dict.checkpoint(), || dict.checkpoint_async());
            reply(done, |done| json!([done.frames, done.moved]))
        }
        "integrity_check" => {
            let progress = Progress::new();
            let problems = form
                .of(|| dict.integrity_check(&progress), || dict.integrity_check_async(&progress));
            reply(problems, Json::from)
        }
        _ => Reply::Absent,
    })
}

fn tables(r: &Request) -> Result<Vec<String>, Bug> {
    let Some(tables) = r.field("tables").map(|_| r.list("tables")).transpose()? else {
        return Ok(Vec::new());
    };
    let text =
        |name: &Json| name.as_str().map(str::to_owned).ok_or("a table is no text".to_owned());
    tables.iter().map(text).collect()
}

/// A name of the engine's, which is its to refuse.
fn named<T: std::str::FromStr<Err = Error> + Default>(
    r: &Request,
    name: &str,
) -> Result<Outcome<T>, Bug> {
    Ok(match r.field(name) {
        Some(_) => r.text(name)?.parse(),
        None => Ok(T::default()),
    })
}

fn export_options(r: &Request) -> Result<Outcome<ExportOptions>, Bug> {
    let (tables, prefix) = (tables(r)?, r.optional_key("prefix")?);
    let all_tables = r.flag("all_tables")?.unwrap_or(false);
    let overwrite = r.flag("overwrite")?.unwrap_or(false);
    Ok(named(r, "format")?.map(|format| ExportOptions {
        format,
        tables,
        all_tables,
        prefix,
        overwrite,
        progress: Progress::new(),
    }))
}

fn import_options(r: &Request) -> Result<Outcome<ImportOptions>, Bug> {
    let tables = tables(r)?;
    Ok(named(r, "on_conflict")?.map(|on_conflict| ImportOptions {
        tables,
        on_conflict,
        progress: Progress::new(),
    }))
}
