//! What a Rust source file names: paths from the crate's root, and some words.
//!
//! Works on tokens, so comments and strings are no trouble, and what is only compiled for tests
//! (`#[cfg(test)]`) is left out.

use std::str::FromStr;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One mention in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) what: What,
}

/// What is mentioned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A path, from the crate's root on, without `crate`.
    Path(Vec<String>),
    /// One of [`WORDS`].
    Word(&'static str),
}

/// Words that are allowed in some places only.
const WORDS: [&str; 2] = ["rusqlite", "unsafe"];

/// All mentions in `text`, which is the module at `module` (from the crate's root on).
pub(super) fn mentions(text: &str, module: &[String]) -> Result<Vec<Mention>> {
    let stream = TokenStream::from_str(text).map_err(|error| anyhow!("not Rust: {error}"))?;
    let mut scan = Scan { module: module.to_vec(), found: Vec::new() };
    scan.walk(stream);
    Ok(scan.found)
}

struct Scan {
    module: Vec<String>,
    found: Vec<Mention>,
}

impl Scan {
    fn walk(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.step(&tokens, at);
        }
    }

    /// Reads what begins at `at`; gives where the next thing begins.
    fn step(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if let Some((attribute, inner, after)) = attribute(tokens, at) {
            return match (only_for_tests(&attribute), inner) {
                (true, true) => tokens.len(),
                (true, false) => end_of_item(tokens, after),
                (false, _) => after,
            };
        }
        match &tokens[at] {
            TokenTree::Group(group) => {
                self.walk(group.stream());
                at + 1
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                match name.as_str() {
                    "crate" | "super" | "self" if colons(tokens, at + 1) => {
                        self.path(tokens, at + 1, vec![name], ident.span().start().line)
                    }
                    "mod" => self.inline_module(tokens, at),
                    _ => {
                        if let Some(what) = WORDS.into_iter().find(|word| *word == name) {
                            self.add(ident.span().start().line, What::Word(what));
                        }
                        at + 1
                    }
                }
            }
            _ => at + 1,
        }
    }

    /// `mod name { ... }`; `super` inside it is one module deeper.
    fn inline_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        else {
            return at + 1;
        };
        self.module.push(name.to_string());
        self.walk(body.stream());
        self.module.pop();
        at + 3
    }

    /// The rest of a path or of a `use` tree, from the `::` at `at` on.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        mut path: Vec<String>,
        line: usize,
    ) -> usize {
        while colons(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(ident)) => {
                    path.push(ident.to_string());
                    at += 3;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    path.push("*".to_owned());
                    at += 3;
                    break;
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in tokens.split(|token| is_punct(token, ',')) {
                        self.branch(branch, &path);
                    }
                    return at + 3;
                }
                _ => break,
            }
        }
        // A macro of the crate lives at its root, whichever module wrote it.
        if !tokens.get(at).is_some_and(|token| is_punct(token, '!')) {
            let path = self.absolute(&path);
            self.add(line, What::Path(path));
        }
        at
    }

    /// One branch of a `use` tree: `b::c`, `b::{...}`, `*`, `self`.
    fn branch(&mut self, tokens: &[TokenTree], prefix: &[String]) {
        let mut path = prefix.to_vec();
        let Some(first) = tokens.first() else { return };
        match first {
            TokenTree::Ident(ident) if ident == "self" => {}
            other => path.push(other.to_string()),
        }
        self.path(tokens, 1, path, first.span().start().line);
    }

    fn absolute(&self, path: &[String]) -> Vec<String> {
        let mut names = if path.first().is_some_and(|first| first == "crate") {
            Vec::new()
        } else {
            self.module.clone()
        };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => {
                    names.pop();
                }
                _ => names.push(name.clone()),
            }
        }
        names
    }

    fn add(&mut self, line: usize, what: What) {
        self.found.push(Mention { line, what });
    }
}

/// The attribute at `at`: what is in its brackets, whether it is an inner one, and where it ends.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(TokenStream, bool, usize)> {
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    let inner = tokens.get(at + 1).is_some_and(|token| is_punct(token, '!'));
    let body = at + 1 + usize::from(inner);
    match tokens.get(body)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), inner, body + 1))
        }
        _ => None,
    }
}

/// `cfg(test)` or `cfg(all(test, ...))`.
fn only_for_tests(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().chars().filter(|c| !c.is_whitespace()).collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Where the item that begins at `at` ends.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    };
    tokens[at..].iter().position(is_end).map_or(tokens.len(), |end| at + end + 1)
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn colons(tokens: &[TokenTree], at: usize) -> bool {
    [at, at + 1].iter().all(|at| tokens.get(*at).is_some_and(|token| is_punct(token, ':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, module: &str) -> Vec<String> {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let show = |mention: Mention| match mention.what {
            What::Path(path) => format!("{} {}", mention.line, path.join("::")),
            What::Word(word) => format!("{} {word}", mention.line),
        };
        mentions(text, &module).expect("Rust").into_iter().map(show).collect()
    }

    #[test]
    fn use_trees_and_plain_paths() {
        let text = "use crate::{a::{B, c::*}, d,\n  e::{self, F}};\nfn f() -> crate::g::H { super::i(self::j::k) }";
        assert_eq!(
            shown(text, "m"),
            ["1 a::B", "1 a::c::*", "1 d", "2 e", "2 e::F", "3 g::H", "3 i", "3 m::j::k"]
        );
    }

    #[test]
    fn super_counts_modules_in_files_and_in_lines() {
        assert_eq!(shown("use super::x; use super::super::y;", "m::n"), ["1 m::x", "1 y"]);
        assert_eq!(
            shown("mod inner { use super::x; use super::super::y::Z; }", "m"),
            ["1 m::x", "1 y::Z"]
        );
        assert_eq!(shown("use super::{super::y, *};", "m::n"), ["1 y", "1 m::*"]);
    }

    #[test]
    fn comments_strings_and_lifetimes_say_nothing() {
        let text = "//! crate::a unsafe\n/* crate::b /* rusqlite */ */ const S: &str = r#\"crate::c \"unsafe\" \"#;\n\
                    /// use crate::d;\nfn f<'a>(c: char) -> bool { c == '\"' || c == 'u' }";
        assert!(shown(text, "m").is_empty());
    }

    #[test]
    fn tests_are_left_out() {
        let text = "#[cfg(test)]\nmod tests { use crate::a; }\n#[cfg(test)] #[allow(x)] use crate::{b, c};\n\
                    #[cfg(all(test, unix))] fn f() { unsafe {} }\n#[cfg(unix)] use crate::d;";
        assert_eq!(shown(text, "m"), ["5 d"]);
        assert!(shown("#![cfg(test)] use crate::a;", "m").is_empty());
    }

    #[test]
    fn words_and_macros() {
        let text = "use rusqlite::Row;\nfn f() { unsafe { crate::say!(crate::a::B) } }\npub(crate) struct S;";
        assert_eq!(shown(text, "m"), ["1 rusqlite", "2 unsafe", "2 a::B"]);
        assert_eq!(shown("macro_rules! say { () => { $crate::a::b() } }", "m"), ["1 a::b"]);
    }
}
