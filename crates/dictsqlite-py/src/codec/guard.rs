//! Limits on what a stream may build out of safe types: nested in certain ways, they end the process itself.
//!
//! The interpreter hashes tuples, and frees deques and defaultdicts, by plain recursion on the C stack, without a
//! limit of its own; and it visits what a key shares once for each path to it.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PyTuple};

use super::vm::Fail;

const HASH_DEPTH: usize = 1_000;
const HASH_NODES: usize = 1 << 24;

/// How many tuples and frozensets a stream may make and be sure to pass `check_hash`.
pub(super) const SAFE_NESTS: usize = HASH_DEPTH;

/// How deep deques and defaultdicts may lie in each other directly. Small, because the interpreter may free some
/// fifty such towers inside each other before its own limit for other containers steps in.
const DIRECT_DEPTH: usize = 32;

/// Refuses a key or member whose hash or comparison would overrun the C stack or not end.
pub(super) fn check_hash(key: &Bound<'_, PyAny>) -> Result<(), Fail> {
    if is_nest(key) && !visit(key, 0, &mut 0) {
        return Err(Fail::Use("a key nested too deep to hash".to_owned()));
    }
    Ok(())
}

fn is_nest(obj: &Bound<'_, PyAny>) -> bool {
    obj.is_exact_instance_of::<PyTuple>() || obj.is_exact_instance_of::<PyFrozenSet>()
}

fn visit(nest: &Bound<'_, PyAny>, depth: usize, nodes: &mut usize) -> bool {
    let mut inner = |item: &Bound<'_, PyAny>| {
        *nodes += 1;
        *nodes < HASH_NODES
            && depth < HASH_DEPTH
            && (!is_nest(item) || visit(item, depth + 1, nodes))
    };
    if let Ok(tuple) = nest.cast_exact::<PyTuple>() {
        tuple.iter_borrowed().all(|item| inner(&item))
    } else if let Ok(set) = nest.cast_exact::<PyFrozenSet>() {
        set.iter().all(|item| inner(&item))
    } else {
        true
    }
}

/// How deep deques and defaultdicts lie in each other, by their addresses. An address that is used again may be
/// held to the depth of what was there before; only a stream that throws values away would notice.
#[derive(Default)]
pub(super) struct Towers {
    levels: HashMap<usize, Level>,
}

#[derive(Default, Clone, Copy)]
struct Level {
    depth: usize,
    /// Already put into another: its own depth is final, as picklers fill a container before they put it away.
    placed: bool,
}

impl Towers {
    /// Notes that `child` goes into `parent`, both deques or defaultdicts.
    pub(super) fn place(
        &mut self,
        parent: &Bound<'_, PyAny>,
        child: &Bound<'_, PyAny>,
    ) -> Result<(), Fail> {
        let inner = self.levels.entry(child.as_ptr() as usize).or_default();
        let depth = inner.depth + 1;
        let outer = self.levels.entry(parent.as_ptr() as usize).or_default();
        if outer.placed || depth > DIRECT_DEPTH {
            return Err(Fail::Use(
                "deques or defaultdicts nested in each other like this".to_owned(),
            ));
        }
        outer.depth = outer.depth.max(depth);
        self.levels.entry(child.as_ptr() as usize).or_default().placed = true;
        Ok(())
    }
}
