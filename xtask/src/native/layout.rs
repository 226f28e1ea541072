//! Where everything goes below an installation's prefix.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Built;
use crate::paths;
use crate::run::command;

/// Lays out `prefix/{lib,include,lib/pkgconfig,lib/cmake/dictsqlite}`. What is there of an earlier time is
/// replaced. The prefix may be moved afterwards: nothing in it names it.
pub(crate) fn stage(built: &Built, prefix: &Path) -> Result<()> {
    if prefix.exists() {
        fs::remove_dir_all(prefix)
            .with_context(|| format!("cannot replace {}", prefix.display()))?;
    }
    let lib = prefix.join("lib");
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake").join("dictsqlite"));
    for dir in [&pkgconfig, &cmake] {
        fs::create_dir_all(dir)?;
    }
    headers(&prefix.join("include"))?;
    let version = paths::version()?;
    let names = shared(built, &lib, &version)?;
    archive(&built.archive, &lib.join("libdictsqlite.a"))?;
    let fill = |template: &str, to: &Path| -> Result<()> {
        let text = paths::read(&paths::root().join(template))?
            .replace("@VERSION@", &version)
            .replace("@SHARED@", &names.file)
            .replace("@SONAME@", &names.soname)
            .replace("@STATIC@", "libdictsqlite.a");
        let private = match template.ends_with(".pc.in") {
            true => built.private.clone(),
            // CMake's lists.
            false => built.private.replace(' ', ";"),
        };
        fs::write(to, text.replace("@PRIVATE_LIBS@", &private))?;
        Ok(())
    };
    fill("include/dictsqlite.pc.in", &pkgconfig.join("dictsqlite.pc"))?;
    for name in ["dictsqlite-config", "dictsqlite-config-version"] {
        let to = cmake.join(format!("{name}.cmake"));
        fill(&format!("bindings/cmake/{name}.cmake.in"), &to)?;
    }
    Ok(())
}

/// Everything in `include/` but the template.
fn headers(to: &Path) -> Result<()> {
    let from = paths::root().join("include");
    for file in paths::files_below(&from)? {
        if file.extension().is_some_and(|extension| extension == "in") {
            continue;
        }
        let to = to.join(file.strip_prefix(&from)?);
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        fs::copy(&file, to)?;
    }
    Ok(())
}

/// The archive, with everything but the functions of the header hidden: a program may link another SQLite,
/// and other Rust, beside it.
fn archive(from: &Path, to: &Path) -> Result<()> {
    if !cfg!(target_os = "linux") {
        fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
        return Ok(());
    }
    let whole = to.with_extension("o");
    command("ld").args(["-r", "--whole-archive", "-o"]).arg(&whole).arg(from).read()?;
    command("objcopy")
        .args(["--wildcard", "--keep-global-symbol=dictsqlite_*"])
        // Bitcode for the compiler's own use, which archivers stumble over.
        .arg("--remove-section=.llvm*")
        .arg(&whole)
        .read()?;
    command("ar").arg("rcs").arg(to).arg(&whole).read()?;
    Ok(fs::remove_file(&whole)?)
}

struct Names {
    file: String,
    soname: String,
}

/// The shared library under its full name, and the links that loaders and linkers look for.
fn shared(built: &Built, lib: &Path, version: &str) -> Result<Names> {
    let names = if cfg!(target_os = "macos") {
        Names {
            file: format!("libdictsqlite.{version}.dylib"),
            soname: "libdictsqlite.5.dylib".to_owned(),
        }
    } else {
        Names {
            file: format!("libdictsqlite.so.{version}"),
            soname: "libdictsqlite.so.5".to_owned(),
        }
    };
    fs::copy(&built.shared, lib.join(&names.file))
        .with_context(|| format!("cannot copy {}", built.shared.display()))?;
    let plain = if cfg!(target_os = "macos") { "libdictsqlite.dylib" } else { "libdictsqlite.so" };
    #[cfg(unix)]
    for (link, to) in [(names.soname.as_str(), names.file.as_str()), (plain, &names.soname)] {
        std::os::unix::fs::symlink(to, lib.join(link))?;
    }
    #[cfg(not(unix))]
    fs::copy(&built.shared, lib.join(plain))?;
    Ok(names)
}
