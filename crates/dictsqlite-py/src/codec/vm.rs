//! The machine that rebuilds values from a pickle under a policy.
//!
//! It is a pickle reader of its own rather than a subclass of `pickle.Unpickler`, because refusing by name is not
//! enough: a stream of allowed names can still set attributes on a class (`BUILD`), call a constructor with
//! arguments that allocate, or hang the interpreter with a key whose hash never ends. Here every call, state and
//! fill is checked before it happens, at about the speed of the C reader.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple, PyType};

use super::guard::{Towers, check_hash};
use super::pickle::PicklePolicy;
use super::safe::Rule;
use super::scalar::scalar;
use super::scan::{Op, Reader, ScanError};

/// Why the machine stopped.
#[derive(Debug)]
pub(super) enum Fail {
    /// A name that the policy does not know.
    Name { module: String, name: String },
    /// An allowed object used in a way that its own pickle never does.
    Use(String),
    /// A name that the policy allows and that is not there, and why.
    Missing(String, String),
    /// Not a pickle, or one that does not fit together.
    Damaged(String),
    /// Code of a class that the user allowed raised, or the interpreter did.
    Raised(PyErr),
}

impl From<ScanError> for Fail {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Forbidden { .. } => Fail::Use(error.to_string()),
            _ => Fail::Damaged(error.to_string()),
        }
    }
}

type Any<'py> = Bound<'py, PyAny>;

/// One run over one stream.
pub(super) struct Machine<'a, 'py> {
    pub(super) py: Python<'py>,
    pub(super) policy: &'a PicklePolicy,
    pub(super) stack: Vec<Any<'py>>,
    marks: Vec<usize>,
    memo: Vec<Option<Any<'py>>>,
    /// The objects named so far, and what may be done with them.
    seen: Vec<(Any<'py>, Rule)>,
    helpers: bool,
    pub(super) towers: Towers,
    /// Protocols 0 to 2 use the names of Python 2.
    legacy: bool,
}

fn underflow() -> Fail {
    Fail::Damaged("it takes more from its stack than is there".to_owned())
}

/// An error of the interpreter while it rebuilds plain and safe data: the stream is to blame, not the user's code.
pub(super) fn damaged(py: Python<'_>, error: PyErr) -> Fail {
    if error.is_instance_of::<pyo3::exceptions::PyException>(py)
        && !error.is_instance_of::<PyMemoryError>(py)
    {
        Fail::Damaged(error.to_string())
    } else {
        Fail::Raised(error)
    }
}

impl<'a, 'py> Machine<'a, 'py> {
    pub(super) fn new(py: Python<'py>, policy: &'a PicklePolicy) -> Self {
        let (stack, marks, memo) =
            (Vec::with_capacity(16), Vec::with_capacity(4), Vec::with_capacity(16));
        Self {
            py,
            policy,
            stack,
            marks,
            memo,
            seen: Vec::new(),
            helpers: false,
            towers: Towers::default(),
            legacy: true,
        }
    }

    /// Runs `data` to its end and returns the value it leaves.
    pub(super) fn run(mut self, data: &[u8]) -> Result<Any<'py>, Fail> {
        let mut reader = Reader::new(data);
        loop {
            let op = reader.next_op()?;
            if let Op::Str(bytes) = op
                && self.is_key_next()
                && let Some(text) = self.policy.known.text(self.py, bytes)
            {
                self.stack.push(text);
                continue;
            }
            if let Some(value) = scalar(self.py, &op)? {
                self.stack.push(value);
                continue;
            }
            match op {
                Op::Proto(version) => self.legacy = version < 3,
                Op::Frame => {}
                Op::Mark => self.marks.push(self.stack.len()),
                Op::Memoize => self.put(self.memo.len())?,
                Op::Put(index) => self.put(index)?,
                Op::Get(index) => {
                    let value = self.memo.get(index).cloned().flatten();
                    self.stack.push(value.ok_or_else(|| {
                        Fail::Damaged("it recalls what it never kept".to_owned())
                    })?);
                }
                Op::EmptyDict => self.stack.push(PyDict::new(self.py).into_any()),
                Op::EmptyList => self.stack.push(PyList::empty(self.py).into_any()),
                Op::EmptyTuple => self.stack.push(PyTuple::empty(self.py).into_any()),
                Op::EmptySet => {
                    self.stack.push(PySet::empty(self.py).map_err(Fail::Raised)?.into_any());
                }
                Op::Tuple => self.collect_tuple(None)?,
                Op::TupleOf(len) => self.collect_tuple(Some(len))?,
                Op::List => {
                    let from = self.unmark(true)?;
                    let list =
                        PyList::new(self.py, self.stack.drain(from..)).map_err(Fail::Raised)?;
                    self.stack.push(list.into_any());
                }
                Op::Dict => {
                    let from = self.unmark(true)?;
                    self.stack.insert(from, PyDict::new(self.py).into_any());
                    self.set_items(from + 1)?;
                }
                Op::FrozenSet => {
                    let from = self.unmark(true)?;
                    self.stack[from..].iter().try_for_each(check_hash)?;
                    let set = PyFrozenSet::new(self.py, self.stack.drain(from..))
                        .map_err(|e| damaged(self.py, e))?;
                    self.stack.push(set.into_any());
                }
                Op::Append => {
                    let from = self.below(1, true)?;
                    self.append_items(from)?;
                }
                Op::Appends => {
                    let from = self.unmark(true)?;
                    self.append_items(from)?;
                }
                Op::SetItem => {
                    let from = self.below(2, true)?;
                    self.set_items(from)?;
                }
                Op::SetItems => {
                    let from = self.unmark(true)?;
                    self.set_items(from)?;
                }
                Op::AddItems => {
                    let from = self.unmark(true)?;
                    self.add_items(from)?;
                }
                Op::Pop => {
                    // A mark on top goes first, as in the C reader.
                    if self.marks.last() == Some(&self.stack.len()) {
                        self.marks.pop();
                    } else {
                        self.pop()?;
                    }
                }
                Op::PopMark => {
                    let from = self.unmark(false)?;
                    self.stack.truncate(from);
                }
                Op::Dup => {
                    let from = self.below(1, false)?;
                    self.stack.push(self.stack[from].clone());
                }
                Op::Global { module, name } => self.name(module, name)?,
                Op::StackGlobal => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let text = |obj: &Any<'py>| {
                        let text = obj.cast_exact::<PyString>().ok()?;
                        text.to_cow().ok().map(std::borrow::Cow::into_owned)
                    };
                    match (text(&module), text(&name)) {
                        (Some(module), Some(name)) => self.name(&module, &name)?,
                        _ => {
                            return Err(Fail::Damaged(
                                "it names a global by something else than text".to_owned(),
                            ));
                        }
                    }
                }
                Op::Reduce => {
                    let (args, callable) = (self.pop()?, self.pop()?);
                    self.reduce(&callable, &args)?;
                }
                Op::NewObj => {
                    let (args, class) = (self.pop()?, self.pop()?);
                    self.make(&class, &args, None)?;
                }
                Op::NewObjEx => {
                    let (kwargs, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                    self.make(&class, &args, Some(&kwargs))?;
                }
                Op::Build => {
                    let from = self.below(1, true)?;
                    let target = self.target(from)?;
                    let state = self.pop()?;
                    self.build(&target, &state)?;
                }
                Op::Stop => {
                    self.below(1, true)?;
                    return self.pop();
                }
                _ => return Err(Fail::Damaged("it has a misplaced opcode".to_owned())),
            }
        }
    }

    /// True when what comes next will be a key of a dict, as far as can be seen.
    #[inline]
    fn is_key_next(&self) -> bool {
        let Some(&mark) = self.marks.last() else { return false };
        let filled = mark.checked_sub(1).and_then(|at| self.stack.get(at));
        self.stack.len().abs_diff(mark).is_multiple_of(2)
            && filled.is_some_and(|filled| filled.is_exact_instance_of::<PyDict>())
    }

    /// The first index that the stack may be emptied to before the innermost mark.
    fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Any<'py>, Fail> {
        if self.stack.len() <= self.fence() {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    pub(super) fn push(&mut self, value: Any<'py>) {
        self.stack.push(value);
    }

    /// Where the topmost `len` items begin; `stored` when they are about to become part of a value.
    fn below(&self, len: usize, stored: bool) -> Result<usize, Fail> {
        let from = self
            .stack
            .len()
            .checked_sub(len)
            .filter(|from| *from >= self.fence())
            .ok_or_else(underflow)?;
        if stored {
            self.no_helper_above(from)?;
        }
        Ok(from)
    }

    /// Takes the innermost mark away and returns where its items begin.
    fn unmark(&mut self, stored: bool) -> Result<usize, Fail> {
        let from = self.marks.pop().ok_or_else(underflow)?;
        if stored {
            self.no_helper_above(from)?;
        }
        Ok(from)
    }

    fn no_helper_above(&self, from: usize) -> Result<(), Fail> {
        if !self.helpers {
            return Ok(());
        }
        let is_helper = |obj: &Any<'py>| matches!(self.rule_of(obj), Some(Rule::Helper(_)));
        match self.stack[from..].iter().find(|obj| is_helper(obj)) {
            Some(_) => Err(Fail::Use("a function as a value".to_owned())),
            None => Ok(()),
        }
    }

    fn put(&mut self, index: usize) -> Result<(), Fail> {
        let from = self.below(1, false)?;
        let value = self.stack[from].clone();
        if index == self.memo.len() {
            self.memo.push(Some(value));
        } else {
            if index > self.memo.len() {
                self.memo.resize(index + 1, None);
            }
            self.memo[index] = Some(value);
        }
        Ok(())
    }

    fn collect_tuple(&mut self, len: Option<usize>) -> Result<(), Fail> {
        let from = match len {
            Some(len) => self.below(len, true)?,
            None => self.unmark(true)?,
        };
        let tuple = PyTuple::new(self.py, self.stack.drain(from..)).map_err(Fail::Raised)?;
        self.stack.push(tuple.into_any());
        Ok(())
    }

    /// The container that items from `from` on are about to go into.
    pub(super) fn target(&self, from: usize) -> Result<Any<'py>, Fail> {
        match from.checked_sub(1).filter(|at| *at >= self.fence()) {
            Some(at) => Ok(self.stack[at].clone()),
            None => Err(underflow()),
        }
    }

    /// Pushes the object that `module.name` stands for in the policy.
    fn name(&mut self, module: &str, name: &str) -> Result<(), Fail> {
        let found = self.policy.find(self.py, module, name, self.legacy);
        match found {
            Some(Ok((object, rule))) => {
                self.note(&object, rule);
                self.stack.push(object);
                Ok(())
            }
            Some(Err(error)) => Err(Fail::Missing(format!("{module}.{name}"), error.to_string())),
            None => Err(Fail::Name { module: module.to_owned(), name: name.to_owned() }),
        }
    }

    /// Remembers what may be done with an object.
    pub(super) fn note(&mut self, object: &Any<'py>, rule: Rule) {
        if self.rule_of(object) != Some(rule) {
            self.helpers |= matches!(rule, Rule::Helper(_));
            self.seen.push((object.clone(), rule));
        }
    }

    /// What may be done with an object that the stream named.
    pub(super) fn rule_of(&self, object: &Any<'py>) -> Option<Rule> {
        self.seen.iter().rev().find(|(seen, _)| seen.is(object)).map(|(_, rule)| *rule)
    }

    /// What may be done with instances of an object's class; the class itself is no instance to be changed.
    pub(super) fn rule_of_type(&mut self, object: &Any<'py>) -> Option<Rule> {
        if object.is_instance_of::<PyType>() {
            return None;
        }
        let class = object.get_type();
        if let Some(rule) = self.rule_of(class.as_any()) {
            return Some(rule);
        }
        // A function that the user allowed made it: its class must be allowed too, and be found under its name.
        let (module, name) = (class.module().ok()?, class.qualname().ok()?);
        let found = self.policy.find(self.py, &module.to_cow().ok()?, &name.to_cow().ok()?, false);
        let (named, rule) = found?.ok()?;
        if !named.is(&class) {
            return None;
        }
        self.note(&named, rule);
        Some(rule)
    }
}
