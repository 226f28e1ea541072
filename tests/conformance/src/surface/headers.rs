//! The functions of the C header and the members of the C++ one.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::native::files_below;
use super::{Found, text_of};

/// The C++ classes whose members are operations; the others are data.
const CLASSES: [&str; 9] =
    ["dict", "store", "files", "scan", "queue", "transaction", "atomic", "changes", "watch"];
const PREFIX: &str = "dictsqlite_";

pub(super) fn c(root: &Path) -> Result<Found> {
    Ok(match text_of(&root.join("include/dictsqlite.h"))? {
        Some(text) => Found::All(declared(&text)),
        None => Found::Nothing("include/dictsqlite.h"),
    })
}

pub(super) fn cpp(root: &Path) -> Result<Found> {
    let Some(text) = text_of(&root.join("include/dictsqlite.hpp"))? else {
        return Ok(Found::Nothing("include/dictsqlite.hpp"));
    };
    let mut names = members(&text);
    for part in files_below(&root.join("include/dictsqlite"), "hpp")? {
        names.extend(members(&std::fs::read_to_string(part)?));
    }
    names.retain(|name| CLASSES.iter().any(|class| name.starts_with(&format!("{class}::"))));
    Ok(Found::All(names))
}

/// The functions a C header declares.
fn declared(text: &str) -> BTreeSet<String> {
    let text = uncommented(text);
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(PREFIX) {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if rest[end..].trim_start().starts_with('(') {
            names.insert(rest[..end].to_owned());
        }
    }
    names
}

/// `class::member` of every public member function of the classes of a C++ header, by indentation:
/// the members of a class stand one step deeper than it does.
fn members(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut class: Option<(usize, String)> = None;
    let mut public = false;
    for line in uncommented(text).lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(((depth, name), default)) =
            class_head(trimmed).map(|(name, default)| ((indent, name), default))
        {
            class = Some((depth, name));
            public = default;
            continue;
        }
        let Some((depth, name)) = &class else { continue };
        if trimmed.starts_with("};") && indent == *depth {
            class = None;
        } else if let Some(access) = trimmed.strip_suffix(':') {
            public = match access {
                "public" => true,
                "private" | "protected" => false,
                _ => public,
            };
        } else if public && indent > *depth && indent <= depth + 4 {
            names.extend(function(trimmed).map(|member| format!("{name}::{member}")));
        }
    }
    names
}

/// The name of the class a line opens, and whether its members are public.
fn class_head(line: &str) -> Option<(String, bool)> {
    let (rest, public) = match (line.strip_prefix("class "), line.strip_prefix("struct ")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return None,
    };
    if !line.contains('{') || line.contains("};") {
        return None;
    }
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    Some((name.to_owned(), public))
}

/// The name of the member function a line begins, unless it is a constructor, a destructor or an
/// operator.
fn function(line: &str) -> Option<String> {
    let (head, _) = line.split_once('(')?;
    let mut words = head.split_whitespace().rev();
    let name = words.next()?;
    // A constructor has no type before its name; statements end up here as well.
    words.next()?;
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    let name = name.trim_start_matches(['*', '&']);
    let statement = head.contains('=')
        || ["return", "if", "for", "while", "throw", "explicit"]
            .iter()
            .any(|word| head.trim_start().starts_with(word));
    (name.chars().all(plain)
        && !name.is_empty()
        && !name.ends_with('_')
        && !statement
        && !head.contains("operator"))
    .then(|| name.to_owned())
}

fn uncommented(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/*") {
        plain.push_str(&rest[..at]);
        rest = rest[at..].split_once("*/").map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let lines = plain.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_found_and_comments_and_types_are_not() {
        let text = "/* dictsqlite_old(x) */\ntypedef struct dictsqlite_dict dictsqlite_dict;\n\
            int dictsqlite_get(const dictsqlite_dict *d); // dictsqlite_no(\nvoid\ndictsqlite_free (void*);\n";
        let names: Vec<_> = declared(text).into_iter().collect();
        assert_eq!(names, ["dictsqlite_free", "dictsqlite_get"]);
    }

    #[test]
    fn public_members_are_found() {
        let text = "class Dict final {\n  int own(int);\n public:\n  Dict(int x);\n  std::optional<Bytes> get(Key key) const {\n    return own(1);\n  }\n  \
            void close();\n private:\n  void hidden();\n};\n";
        let names: Vec<_> = members(text).into_iter().collect();
        assert_eq!(names, ["Dict::close", "Dict::get"]);
    }
}
