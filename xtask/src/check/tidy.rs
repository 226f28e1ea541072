//! What must not be in the repository's text: paths of one machine, hosts of package registries,
//! conflict markers, and links to files that are not there.

use std::path::Path;

use anyhow::Result;

use super::report;
use crate::paths;

/// Top directories that only make sense on the machine of whoever wrote them.
const MACHINE: [&str; 3] = ["work", "root", "home"];
/// Registries: where packages come from is the user's setting. Written in parts for this file's own sake.
const HOSTS: [(&str, &str); 7] = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("crates", "io"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("maven", "org"),
    ("golang", "org"),
];

pub(super) fn check() -> Result<()> {
    let mut problems = Vec::new();
    for file in paths::repository_files()? {
        // Lock files name the registry's index because cargo wants it so.
        if file.extension().is_some_and(|extension| extension == "lock") {
            continue;
        }
        // Not text: nothing to say.
        let Ok(text) = paths::read(&file) else {
            continue;
        };
        let shown = paths::shown(&file);
        problems.extend(in_text(&text).map(|(line, what)| format!("{shown}:{line}: {what}")));
        if file.extension().is_some_and(|extension| extension == "md") {
            let dead = links(&text).filter(|(_, link)| is_dead(&file, link));
            problems
                .extend(dead.map(|(line, link)| format!("{shown}:{line}: no such file: {link}")));
        }
    }
    report(&problems, "untidy lines")
}

fn in_text(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, in_line(line)?)))
}

fn in_line(line: &str) -> Option<String> {
    if ["<<<<<<< ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker)) {
        return Some("a conflict marker".to_owned());
    }
    if let Some(dir) = MACHINE.iter().find(|dir| names_dir(line, dir)) {
        return Some(format!("a path of one machine: /{dir}"));
    }
    let lower = line.to_ascii_lowercase();
    let host =
        HOSTS.iter().map(|(name, end)| format!("{name}.{end}")).find(|host| lower.contains(host));
    host.map(|host| format!("a registry's host: {host}"))
}

/// Whether the line has `/dir` as the beginning of an absolute path.
fn names_dir(line: &str, dir: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    line.match_indices(&format!("/{dir}")).any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = line[at + found.len()..].chars().next();
        !before.is_some_and(|c| part_of_name(c) || "/~}>)$".contains(c))
            && !after.is_some_and(part_of_name)
    })
}

/// Targets of Markdown links with their lines, outside of code.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().flat_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        let parts = if fenced || fence { "" } else { line }.split("](").skip(1);
        parts.filter_map(move |rest| Some((index + 1, rest.split_once(')')?.0))).collect::<Vec<_>>()
    })
}

fn is_dead(file: &Path, link: &str) -> bool {
    let target = link.split(['#', ' ']).next().unwrap_or_default();
    if target.is_empty() || target.contains(':') || target.starts_with('<') {
        return false;
    }
    !file.parent().is_some_and(|dir| dir.join(target).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found_and_others_are_not() {
        let root = MACHINE[1];
        for line in [format!("cd /{root}/x"), format!("\"/{root}\""), format!("(/{root}, y)")] {
            assert!(in_line(&line).is_some(), "{line}");
        }
        for line in
            [format!("src/{root}/x"), format!("/{root}s"), format!("./{root}"), "a/b".to_owned()]
        {
            assert_eq!(in_line(&line), None, "{line}");
        }
    }

    #[test]
    fn registries_and_conflicts_are_found() {
        let (name, end) = HOSTS[0];
        assert!(in_line(&format!("https://{}.{end}/simple", name.to_uppercase())).is_some());
        assert!(in_line(&format!("{} ours", "<".repeat(7))).is_some());
        assert_eq!(in_line("======="), None);
    }

    #[test]
    fn links_are_looked_up_beside_the_file() {
        let text = "a [x](y.md#z) [w](https://h)\n```\n[n](o)\n```\n[e](f \"title\")";
        assert_eq!(
            links(text).collect::<Vec<_>>(),
            [(1, "y.md#z"), (1, "https://h"), (5, "f \"title\"")]
        );
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        assert!(is_dead(&file, "no-such.md#part"));
        for link in ["Cargo.toml", "src/main.rs#x", "https://example.org", "#part"] {
            assert!(!is_dead(&file, link), "{link}");
        }
    }
}
