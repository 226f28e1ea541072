//! Writes the Kotlin and Swift sources that belong to a built library: `uniffi-bindgen LIBRARY DIR`
//! makes `DIR/kotlin` and `DIR/swift`. No formatter is run, so that the output is the same everywhere.
//!
//! Each language's source is corrected in places that UniFFI leaves open. A correction that no longer
//! applies is an error: then UniFFI has changed there, and somebody must look.

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use uniffi::{GenerateOptions, TargetLanguage, generate};

const CRATE: &str = "dictsqlite_uniffi";
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/uniffi.toml");

const KOTLIN: [(&str, &str); 4] = [
    // A structure of JNA's is a `malloc` and a registered cleaner. A thread needs but one for the status
    // of its calls, as long as they succeed: it is done with one call before it makes the next.
    (
        "    var status = UniffiRustCallStatus()
    val return_value = callback(status)
    uniffiCheckCallStatus(errorHandler, status)",
        "    val status = uniffiThreadStatus.get()
    val return_value = callback(status)
    if (!status.isSuccess()) {
        // What is in it is still needed, also by the calls that free it.
        uniffiThreadStatus.remove()
    }
    uniffiCheckCallStatus(errorHandler, status)",
    ),
    (
        "class InternalException(message: String)",
        "private val uniffiThreadStatus: ThreadLocal<UniffiRustCallStatus> =
    ThreadLocal.withInitial { UniffiRustCallStatus() }

class InternalException(message: String)",
    ),
    // A cancelled coroutine leaves a result behind that is there already: a buffer, or a handle which
    // keeps its store open. UniFFI frees the future but not what is in it.
    (
        "    try {
        do {
            val pollResult = suspendCancellableCoroutine<Byte>",
        "    var taken = false
    try {
        do {
            val pollResult = suspendCancellableCoroutine<Byte>",
    ),
    (
        "        return liftFunc(
            uniffiRustCallWithError(errorHandler, { status -> completeFunc(rustFuture, status) })
        )
    } finally {
        freeFunc(rustFuture)
    }",
        "        taken = true
        return liftFunc(
            uniffiRustCallWithError(errorHandler, { status -> completeFunc(rustFuture, status) })
        )
    } finally {
        if (!taken) {
            // Cancelled: what is there already is freed, which UniFFI does not do by itself.
            val status = UniffiRustCallStatus()
            val left = completeFunc(rustFuture, status)
            if (status.isSuccess()) {
                (liftFunc(left) as? Disposable)?.destroy()
            } else {
                RustBuffer.free(status.error_buf)
            }
        }
        freeFunc(rustFuture)
    }",
    ),
];

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).map(Utf8PathBuf::from);
    let (Some(library), Some(out), None) = (args.next(), args.next(), args.next()) else {
        bail!("usage: uniffi-bindgen LIBRARY DIR");
    };
    for (language, dir) in [(TargetLanguage::Kotlin, "kotlin"), (TargetLanguage::Swift, "swift")] {
        generate(GenerateOptions {
            languages: vec![language],
            source: library.clone(),
            out_dir: out.join(dir),
            config_override: Some(CONFIG.into()),
            format: false,
            crate_filter: Some(CRATE.to_owned()),
            metadata_no_deps: true,
        })?;
    }
    for file in files(&out)? {
        let corrections = if file.extension() == Some("kt") { &KOTLIN[..] } else { &[] };
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(&file, corrected(&text, corrections).with_context(|| file.to_string())?)?;
    }
    Ok(())
}

fn corrected(text: &str, corrections: &[(&str, &str)]) -> Result<String> {
    let mut text = text.to_owned();
    for (from, to) in corrections {
        if text.matches(from).count() != 1 {
            bail!("not once in the generated source, so it cannot be corrected:\n{from}");
        }
        text = text.replace(from, to);
    }
    // UniFFI leaves spaces at the ends of lines, and more than one line break at the end.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok(format!("{}\n", lines.join("\n").trim_end()))
}

fn files(dir: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let mut files = Vec::new();
    for entry in dir.read_dir_utf8()? {
        let path = entry?.into_path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
