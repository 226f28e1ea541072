//! `include/dictsqlite.h`, by cbindgen from the crate of the C interface.

use anyhow::{Context, Result};
use cbindgen::{
    Builder, Config, DocumentationStyle, EnumConfig, ExportConfig, Language, ParseConfig, Style,
};

use super::Generated;
use crate::paths;

const CRATE: &str = "crates/dictsqlite-ffi";

/// The files with types and functions of the interface, in the order in which a reader wants them.
const SOURCES: [&str; 33] = [
    "raw/code.rs",
    "raw/mod.rs",
    "raw/slice.rs",
    "raw/key.rs",
    "raw/owned.rs",
    "raw/lists.rs",
    "raw/info.rs",
    "raw/stats.rs",
    "raw/tx.rs",
    "raw/changes.rs",
    "raw/files.rs",
    "raw/error.rs",
    "raw/call.rs",
    "calls/store.rs",
    "calls/read.rs",
    "calls/write.rs",
    "calls/conditional.rs",
    "calls/scan.rs",
    "calls/tx.rs",
    "calls/tx_use.rs",
    "calls/atomic.rs",
    "calls/changes.rs",
    "calls/watch.rs",
    "calls/files.rs",
    "calls/queues.rs",
    "calls/async_store.rs",
    "calls/async_read.rs",
    "calls/async_write.rs",
    "calls/async_conditional.rs",
    "calls/async_files.rs",
    "calls/async_tx.rs",
    "calls/errors.rs",
    "calls/free.rs",
];

/// The header.
pub(super) fn files() -> Result<Vec<Generated>> {
    Ok(vec![("include/dictsqlite.h", text()?)])
}

fn text() -> Result<String> {
    let dir = paths::root().join(CRATE);
    let part = |name: &str| paths::read(&dir.join("header").join(name));
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        header: Some(part("top.h")?.trim_end().to_owned()),
        trailer: Some(part("end.h")?.trim_end().to_owned()),
        include_guard: Some("DICTSQLITE_H".to_owned()),
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h", "string.h"].map(str::to_owned).to_vec(),
        style: Style::Both,
        documentation_style: DocumentationStyle::Cxx,
        usize_is_size_t: true,
        // No function names it: the `type` of a key may be any number that C puts there.
        export: ExportConfig {
            include: vec!["dictsqlite_key_type".to_owned()],
            ..ExportConfig::default()
        },
        enumeration: EnumConfig { enum_class: false, ..EnumConfig::default() },
        parse: ParseConfig { parse_deps: false, ..ParseConfig::default() },
        ..Config::default()
    };
    let builder = SOURCES.iter().fold(Builder::new().with_config(config), |builder, file| {
        builder.with_src(dir.join("src").join(file))
    });
    let mut written = Vec::new();
    builder.generate().context("cbindgen")?.write(&mut written);
    Ok(String::from_utf8(written)?)
}
