//! Programs as users build them: those of the documentation, and one through each tool that finds the
//! installed library.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::build::{Flavour, Toolchain};
use super::{C, scratch};
use crate::paths;
use crate::run::command;
use crate::summary::Summary;

/// Every complete program of the language's page, and of the README, is built, and runs.
pub(super) fn page(toolchain: &Toolchain<'_>) -> Result<()> {
    let mut text = paths::read(&paths::root().join(toolchain.language.page))?;
    text += &paths::read(&paths::root().join("README.md"))?;
    let fence = format!("```{}\n", if toolchain.language.name == C.name { "c" } else { "cpp" });
    let blocks = text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let programs: Vec<_> = blocks.filter(|block| block.contains("int main(")).collect();
    if programs.is_empty() {
        bail!("no program in {}", toolchain.language.page);
    }
    for (number, program) in programs.iter().enumerate() {
        let dir = toolchain.programs.join(format!("page-{number}"));
        scratch(&dir)?;
        let source = dir.join(format!("page{number}.{}", toolchain.language.extension));
        std::fs::write(&source, program)?;
        toolchain
            .finding_library(command(toolchain.build(&source, Flavour::Plain)?).dir(&dir))
            .quietly(&format!("program {}", number + 1))?;
    }
    Ok(())
}

/// A program finds the library through pkg-config, and through CMake, in a prefix that was moved.
pub(super) fn installed(toolchain: &Toolchain<'_>, summary: &mut Summary) {
    let name = toolchain.language.name;
    for (tool, test) in
        [("pkg-config", pkg_config as fn(&Toolchain<'_>) -> Result<()>), ("cmake", cmake)]
    {
        let what = format!("{name}, found by {tool}");
        if command(tool).arg("--version").read().is_err() {
            summary.skipped(&what, "", format!("no {tool}"));
        } else {
            summary.part(&what, "", || test(toolchain));
        }
    }
}

/// The smallest program that uses the library, and a directory for it.
fn consumer(toolchain: &Toolchain<'_>, tool: &str) -> Result<(PathBuf, PathBuf)> {
    let dir = toolchain.programs.join(format!("found by {tool}"));
    scratch(&dir)?;
    let moved = dir.join("moved prefix");
    copy_all(toolchain.prefix, &moved)?;
    let source = dir.join(format!("consumer.{}", toolchain.language.extension));
    let text = if toolchain.language.name == C.name {
        "#include <dictsqlite.h>\n\
         int main(void) {\n  dictsqlite_dict dict;\n\
         \x20 return dictsqlite_open(\":memory:\", dictsqlite_no_options(), &dict, NULL)\n\
         \x20     || dictsqlite_set(dict, dictsqlite_integer(1), dictsqlite_str(\"one\"), NULL)\n\
         \x20     || dictsqlite_close(dict, NULL);\n}\n"
    } else {
        "#include <dictsqlite.hpp>\n\
         int main() {\n  dictsqlite::store store(\":memory:\");\n  store.set(1, \"one\");\n\
         \x20 return store.get(1)->view() == \"one\" ? 0 : 1;\n}\n"
    };
    std::fs::write(&source, text)?;
    Ok((source, moved))
}

fn pkg_config(toolchain: &Toolchain<'_>) -> Result<()> {
    let (source, prefix) = consumer(toolchain, "pkg-config")?;
    let lib = prefix.join("lib");
    let ask = |flag: &str| {
        command("pkg-config")
            .env("PKG_CONFIG_PATH", lib.join("pkgconfig"))
            .args([flag, "dictsqlite"])
            .read()
    };
    if ask("--modversion")?.trim() != paths::version()? {
        bail!("pkg-config says version {}", ask("--modversion")?);
    }
    let program = source.with_extension("");
    // Its words are quoted for a shell, and the path has a space.
    let line = format!(
        "'{}' {} '{}' -o '{}' $CFLAGS",
        toolchain.compiler,
        toolchain.language.standard,
        source.display(),
        program.display()
    );
    let flags = format!("{} {}", ask("--cflags")?.trim(), ask("--libs")?.trim());
    command("sh").args(["-c", &line.replace("$CFLAGS", &flags)]).read()?;
    command(&program).env("LD_LIBRARY_PATH", &lib).run()
}

fn cmake(toolchain: &Toolchain<'_>) -> Result<()> {
    let (source, prefix) = consumer(toolchain, "cmake")?;
    let dir = source.parent().unwrap_or(&source).to_path_buf();
    let language = if toolchain.language.name == C.name { "C" } else { "CXX" };
    let file = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let version = paths::version()?;
    std::fs::write(
        dir.join("CMakeLists.txt"),
        format!(
            "cmake_minimum_required(VERSION 3.16)\nproject(consumer {language})\n\
             set(CMAKE_CXX_STANDARD 17)\nset(THREADS_PREFER_PTHREAD_FLAG ON)\n\
             find_package(dictsqlite {version} REQUIRED)\nenable_testing()\n\
             foreach(kind dictsqlite static)\n  add_executable(with_${{kind}} {file})\n  \
             target_link_libraries(with_${{kind}} PRIVATE dictsqlite::${{kind}})\n  \
             add_test(NAME ${{kind}} COMMAND with_${{kind}})\nendforeach()\n"
        ),
    )?;
    let build = dir.join("build");
    let compiler = format!("-DCMAKE_{language}_COMPILER={}", toolchain.compiler);
    command("cmake")
        .arg("-S")
        .arg(&dir)
        .arg("-B")
        .arg(&build)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
        .arg(compiler)
        .quietly("configuring")?;
    command("cmake").arg("--build").arg(&build).quietly("building")?;
    command("ctest")
        .args(["--output-on-failure", "--no-tests=error"])
        .dir(&build)
        .env("LD_LIBRARY_PATH", prefix.join("lib"))
        .quietly("running")?;
    Ok(())
}

/// A copy with its links as links.
fn copy_all(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    command("cp").args(["-a", "--"]).arg(from).arg(to).read().map(drop)
}
