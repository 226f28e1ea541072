//! Bridges: how they are found, built, started and spoken to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// An answer that takes longer never comes.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The order of the table's columns; a language that is not here comes behind them.
const ORDER: [&str; 6] = ["core", "python", "c", "cpp", "kotlin", "swift"];

/// What a bridge's `bridge.toml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The language.
    pub(crate) language: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    build: Vec<Vec<String>>,
    run: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// Where things are on this machine.
pub(crate) struct Places {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) python: Option<PathBuf>,
}

impl Places {
    /// Puts the places into a text of a plan; `None` when one is not known here.
    fn filled(&self, text: &str) -> Option<String> {
        let mut text = text.to_owned();
        if text.contains("{python}") {
            text = text.replace("{python}", &self.python.as_ref()?.to_string_lossy());
        }
        let exe = std::env::consts::EXE_SUFFIX;
        Some(
            text.replace("{root}", &self.root.to_string_lossy())
                .replace("{target}", &self.target.to_string_lossy())
                .replace("{exe}", exe),
        )
    }
}

/// The plans of `tests/bridges`, in the order of the table.
pub(crate) fn plans(root: &Path) -> Result<Vec<Plan>> {
    let dir = root.join("tests/bridges");
    let mut plans = Vec::new();
    for entry in std::fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let file = entry?.path().join("bridge.toml");
        if file.is_file() {
            let text = std::fs::read_to_string(&file)?;
            let plan: Plan = toml::from_str(&text).with_context(|| file.display().to_string())?;
            plans.push(plan);
        }
    }
    let place = |plan: &Plan| ORDER.iter().position(|known| *known == plan.language);
    plans.sort_by_key(|plan| (place(plan).unwrap_or(ORDER.len()), plan.language.clone()));
    Ok(plans)
}

/// The languages that have a plan or should have one.
pub(crate) fn expected() -> &'static [&'static str] {
    &ORDER
}

impl Plan {
    /// Builds the bridge; the text says what it cannot be built or run without here.
    pub(crate) fn ready(&self, places: &Places) -> Result<Option<String>> {
        for program in &self.needs {
            match places.filled(program) {
                None => return Ok(Some(format!("no {program} was given"))),
                Some(program) if !in_path(&program) => {
                    return Ok(Some(format!("no `{program}` on this machine")));
                }
                Some(_) => {}
            }
        }
        std::fs::create_dir_all(places.target.join("bridges"))?;
        for argv in &self.build {
            let output = self.command(argv, places)?.stdin(Stdio::null()).output();
            let output = output.with_context(|| format!("cannot run {argv:?}"))?;
            if !output.status.success() {
                let said = [output.stdout, output.stderr].concat();
                bail!("{argv:?}: {}\n{}", output.status, String::from_utf8_lossy(&said));
            }
        }
        Ok(None)
    }

    fn command(&self, argv: &[String], places: &Places) -> Result<Command> {
        let filled: Option<Vec<String>> = argv.iter().map(|arg| places.filled(arg)).collect();
        let filled = filled.ok_or_else(|| anyhow!("{argv:?}: a place is not known"))?;
        let (program, args) = filled.split_first().context("an empty command")?;
        let mut command = Command::new(program);
        command.args(args).current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
        // What cargo sets for this program names its own folders, where a bridge would find a library that
        // was built for something else, at another time.
        command.env_remove("LD_LIBRARY_PATH").env_remove("DYLD_FALLBACK_LIBRARY_PATH");
        for (name, value) in &self.env {
            command.env(name, places.filled(value).unwrap_or_default());
        }
        Ok(command)
    }

    /// Starts the bridge and greets it.
    pub(crate) fn start(&self, places: &Places) -> Result<Bridge> {
        let log = places.target.join("bridges").join(format!("{}.stderr", self.language));
        let mut command = self.command(&self.run, places)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut child = command.spawn().with_context(|| format!("cannot start {:?}", self.run))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the bridge has no pipes");
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let language = self.language.clone();
        let mut bridge = Bridge {
            language,
            version: String::new(),
            forms: vec![],
            lacks: vec![],
            child,
            stdin: Some(stdin),
            lines,
            log,
        };
        bridge.greet()?;
        Ok(bridge)
    }
}

fn in_path(program: &str) -> bool {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return path.is_file();
    }
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&dirs).any(|dir| dir.join(&name).is_file())
}

/// A running bridge.
pub(crate) struct Bridge {
    pub(crate) language: String,
    /// The release it says it is.
    pub(crate) version: String,
    /// The forms its operations have: `sync`, `async`.
    pub(crate) forms: Vec<String>,
    /// What its language cannot express.
    pub(crate) lacks: Vec<String>,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<std::io::Result<String>>,
    log: PathBuf,
}

impl Bridge {
    fn greet(&mut self) -> Result<()> {
        let hello = self.ask(&json!({ "op": "hello" }))?;
        let ok = hello.get("ok").with_context(|| format!("greeted with {hello}"))?;
        let text = |name: &str| ok[name].as_str().map(str::to_owned);
        let list = |name: &str| -> Vec<String> {
            let items = ok[name].as_array().into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        if ok["protocol"] != 1 || text("language").as_deref() != Some(&self.language) {
            bail!("greeted with {hello}");
        }
        self.version = text("version").context("no version")?;
        (self.forms, self.lacks) = (list("forms"), list("lacks"));
        Ok(())
    }

    /// One request, one answer.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value> {
        let stdin = self.stdin.as_mut().context("the bridge has ended")?;
        writeln!(stdin, "{request}")
            .and_then(|()| stdin.flush())
            .map_err(|e| self.broken(request, &e.to_string()))?;
        let line = match self.lines.recv_timeout(ANSWER_LIMIT) {
            Ok(line) => line?,
            Err(e) => return Err(self.broken(request, &e.to_string())),
        };
        let answer: Value =
            serde_json::from_str(&line).with_context(|| format!("not an answer: {line}"))?;
        match answer.get("bug") {
            Some(bug) => Err(self.told(request, &bug.to_string())),
            None => Ok(answer),
        }
    }

    /// From now on nothing is asked of it: an answer that comes late would be taken for the next one.
    fn broken(&mut self, request: &Value, what: &str) -> anyhow::Error {
        if self.stdin.take().is_some() {
            self.finish();
        }
        self.told(request, what)
    }

    fn told(&self, request: &Value, what: &str) -> anyhow::Error {
        let request = shortened(&request.to_string());
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        anyhow!("the {} bridge, asked {request}: {what}\n{said}", self.language)
    }

    /// Closes its input and waits for its end, which must be a good one.
    pub(crate) fn end(mut self) -> Result<()> {
        if self.stdin.take().is_none() {
            // It was told when it broke.
            return Ok(());
        }
        let deadline = std::time::Instant::now() + ANSWER_LIMIT;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(self.told(&json!("the end of input"), &status.to_string()));
                }
                None if std::time::Instant::now() > deadline => {
                    self.finish();
                    return Err(self.told(&json!("the end of input"), "it does not end"));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Bridge {
    /// It failed, or the runner did: nothing is expected of it any more.
    fn finish(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if self.stdin.is_some() {
            self.finish();
        }
    }
}

/// A text that may be megabytes, as it is shown.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 400;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
