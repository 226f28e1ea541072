//! The suite: every vector file through every language, then files that languages share.

use std::path::Path;

use anyhow::{Result, bail};

use crate::Options;
use crate::bridge::{self, Bridge, Places, Plan};
use crate::expect::Kept;
use crate::play::{Form, Play};
use crate::surface::Surface;
use crate::table::{Cell, Table};
use crate::vectors::{self, Vectors};

/// What most of a file's other lines depend on: where a language has none of it, the file is left out.
const LEADS: [&str; 5] = ["begin", "atomic", "changes", "watch", "backup"];

/// Runs what was asked for and prints the table.
pub(crate) fn all(surface: &Surface, places: &Places, options: &Options) -> Result<()> {
    // The vectors are this tree's, whichever tree the bridges are from.
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = vectors::read_all(&dir.join("vectors"), &options.files)?;
    let mut bridges = ready(surface, places, options)?;
    let mut table = Table::default();
    for file in &files {
        for bridge in &mut bridges {
            let lacks = |op: &&str| LEADS.contains(op) && surface.excuses(op, &bridge.language);
            if let Some(op) = file.ops().find(lacks) {
                println!("SKIPPED {}, {}: it has no `{op}`", file.name, bridge.language);
                continue;
            }
            let compared = alone(surface, file, bridge);
            put(&mut table, &file.name, &bridge.language, compared);
        }
    }
    if options.files.is_empty() {
        let write = Vectors::read(&dir.join("shared/write.jsonl"))?;
        let read = Vectors::read(&dir.join("shared/read.jsonl"))?;
        exchanged(surface, &write, &read, &mut bridges, &mut table)?;
        together(
            surface,
            &Vectors::read(&dir.join("shared/together.jsonl"))?,
            &mut bridges,
            &mut table,
        )?;
    }
    for bridge in bridges {
        bridge.end()?;
    }
    println!("{table}");
    match table.wrong() {
        0 => {
            println!("{} answers compared, all right", table.compared());
            Ok(())
        }
        wrong => bail!("{wrong} cells of the table are wrong"),
    }
}

/// Builds and starts what is asked for and can be; says aloud what is left out.
fn ready(surface: &Surface, places: &Places, options: &Options) -> Result<Vec<Bridge>> {
    let plans = bridge::plans(&places.root)?;
    let mut bridges: Vec<Bridge> = Vec::new();
    for language in bridge::expected() {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == language) {
            continue;
        }
        let plan: Option<&Plan> = plans.iter().find(|plan| plan.language == *language);
        let missing = match plan {
            Some(plan) => plan.ready(places)?,
            None => Some("it has no bridge in tests/bridges".to_owned()),
        };
        match (plan, missing) {
            (Some(plan), None) => bridges.push(plan.start(places)?),
            (_, why) => {
                let why = why.unwrap_or_default();
                if options.require.iter().any(|required| required == language) {
                    bail!("{language} is required, and is left out: {why}");
                }
                println!("SKIPPED {language}: {why}");
            }
        }
    }
    let Some(first) = bridges.first() else { bail!("no bridge to run") };
    for bridge in &bridges {
        if bridge.version != first.version {
            bail!(
                "{} is {}, {} is {}",
                first.language,
                first.version,
                bridge.language,
                bridge.version
            );
        }
        if let Some(lack) =
            bridge.lacks.iter().find(|lack| !surface.excuses_lack(lack, &bridge.language))
        {
            bail!("{} lacks {lack}, and surface.toml does not say so", bridge.language);
        }
    }
    Ok(bridges)
}

/// One file through one language, in every form and mode; how many answers were compared.
fn alone(surface: &Surface, file: &Vectors, bridge: &mut Bridge) -> Result<usize> {
    let modes: Vec<Option<&str>> = match file.modes.as_slice() {
        [] => vec![None],
        modes => modes.iter().map(|mode| Some(mode.as_str())).collect(),
    };
    let mut compared = 0;
    for form in Form::of(bridge) {
        for &mode in &modes {
            let dir = tempfile::tempdir()?;
            let play = Play { surface, form, mode, dir: dir.path() };
            compared += play.lines(&file.lines, &mut [&mut *bridge], &mut Kept::new())?;
        }
    }
    Ok(compared)
}

/// A file written through each language is read through every language.
fn exchanged(
    surface: &Surface,
    write: &Vectors,
    read: &Vectors,
    bridges: &mut [Bridge],
    table: &mut Table,
) -> Result<()> {
    for writer in 0..bridges.len() {
        let row = format!("by {}", bridges[writer].language);
        let dir = tempfile::tempdir()?;
        let mut kept = Kept::new();
        let mut played = |bridge: &mut Bridge, lines: &[vectors::Line], forms: usize| {
            Form::of(bridge).into_iter().take(forms).try_fold(0, |compared, form| {
                let play = Play { surface, form, mode: None, dir: dir.path() };
                Ok(compared + play.lines(lines, &mut [&mut *bridge], &mut kept)?)
            })
        };
        let written = played(&mut bridges[writer], &write.lines, 1);
        if put(table, &row, &bridges[writer].language, written) == Cell::Wrong {
            continue;
        }
        for reader in &mut *bridges {
            let read = played(reader, &read.lines, 2);
            put(table, &row, &reader.language, read);
        }
    }
    Ok(())
}

/// Notes how it went, and says what went wrong.
fn put(table: &mut Table, file: &str, language: &str, compared: Result<usize>) -> Cell {
    let cell = match compared {
        Ok(compared) => Cell::Right(compared),
        Err(error) => {
            println!("{file}, {language}: {error:#}");
            Cell::Wrong
        }
    };
    table.put(file, language, cell.clone());
    cell
}

/// One file open in all languages at once, each in turn playing each part.
fn together(
    surface: &Surface,
    file: &Vectors,
    bridges: &mut [Bridge],
    table: &mut Table,
) -> Result<()> {
    if bridges.len() < 2 {
        println!("SKIPPED {}: it takes two languages", file.name);
        return Ok(());
    }
    for turn in 0..bridges.len() {
        let dir = tempfile::tempdir()?;
        let mut order: Vec<&mut Bridge> = bridges.iter_mut().collect();
        order.rotate_left(turn);
        let language = order[0].language.clone();
        let form = if order.iter().all(|bridge| Form::of(bridge).contains(&Form::Async)) {
            Form::Async
        } else {
            Form::Sync
        };
        let play = Play { surface, form, mode: None, dir: dir.path() };
        let compared = play.lines(&file.lines, &mut order, &mut Kept::new());
        put(table, &file.name, &language, compared);
    }
    Ok(())
}
