//! The engine's public functions, from its sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::{ImplItem, Item, Type, Visibility};

use super::Found;

/// The types whose functions are operations; the others are data.
const TYPES: [&str; 9] = [
    "Dict",
    "Scan",
    "Transaction",
    "TransactionScan",
    "Atomic",
    "Changes",
    "Watch",
    "Completion",
    "Canceller",
];

pub(super) fn found(root: &Path) -> Result<Found> {
    let source = root.join("crates/dictsqlite-core/src");
    let mut names = BTreeSet::new();
    for file in files(&source)? {
        let text = std::fs::read_to_string(&file)?;
        names.extend(functions(&text).with_context(|| file.display().to_string())?);
    }
    let crate_root = std::fs::read_to_string(source.join("lib.rs"))?;
    names.extend(exported(&crate_root)?);
    Ok(Found::All(names))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// `Type::name` of every public function of the types above.
fn functions(text: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for item in syn::parse_file(text)?.items {
        let Item::Impl(block) = item else { continue };
        let Type::Path(path) = &*block.self_ty else { continue };
        let Some(of) = path.path.segments.last().map(|segment| segment.ident.to_string()) else {
            continue;
        };
        if block.trait_.is_some() || !TYPES.contains(&of.as_str()) {
            continue;
        }
        for item in block.items {
            if let ImplItem::Fn(function) = item
                && matches!(function.vis, Visibility::Public(_))
            {
                names.push(format!("{of}::{}", function.sig.ident));
            }
        }
    }
    Ok(names)
}

/// Everything the crate exports, by the names users write.
fn exported(text: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for item in syn::parse_file(text)?.items {
        match item {
            Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => {
                leaves(&item.tree, &mut names);
            }
            Item::Const(item) if matches!(item.vis, Visibility::Public(_)) => {
                names.push(item.ident.to_string());
            }
            _ => {}
        }
    }
    Ok(names)
}

fn leaves(tree: &syn::UseTree, names: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, names),
        syn::UseTree::Name(name) => names.push(name.ident.to_string()),
        syn::UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        syn::UseTree::Glob(_) => names.push("*".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_functions_of_the_handles_are_found_and_others_are_not() {
        let text = "impl Dict { pub fn a(&self) {} fn b() {} pub(crate) fn c() {} }
            impl<T> Completion<T> { pub fn wait(self) {} } impl Other { pub fn d() {} }
            impl Drop for Dict { fn drop(&mut self) {} }";
        assert_eq!(functions(text).unwrap(), ["Dict::a", "Completion::wait"]);
        let root = "pub use a::{B, c as d}; use e::F; pub const V: u8 = 1;";
        assert_eq!(exported(root).unwrap(), ["B", "d", "V"]);
    }
}
