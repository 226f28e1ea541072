//! Putting items into the containers that pickles fill after they made them.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet};

use super::guard::check_hash;
use super::safe::{Form, Rule};
use super::vm::{Fail, Machine, damaged};

type Any<'py> = Bound<'py, PyAny>;

impl<'py> Machine<'_, 'py> {
    pub(super) fn set_items(&mut self, from: usize) -> Result<(), Fail> {
        let target = self.target(from)?;
        if !(self.stack.len() - from).is_multiple_of(2) {
            return Err(Fail::Damaged("a key without a value".to_owned()));
        }
        let plain = target.cast_exact::<PyDict>();
        if plain.is_err() {
            self.check_fill(&target, &[Form::OrderedDict, Form::DefaultDict], from)?;
        }
        for pair in self.stack[from..].chunks_exact(2) {
            check_hash(&pair[0])?;
            match &plain {
                Ok(dict) => dict.set_item(&pair[0], &pair[1]),
                Err(_) => target.set_item(&pair[0], &pair[1]),
            }
            .map_err(|error| damaged(self.py, error))?;
        }
        self.stack.truncate(from);
        Ok(())
    }

    pub(super) fn append_items(&mut self, from: usize) -> Result<(), Fail> {
        let target = self.target(from)?;
        if let Ok(list) = target.cast_exact::<PyList>() {
            for item in self.stack.drain(from..) {
                list.append(item).map_err(Fail::Raised)?;
            }
            return Ok(());
        }
        self.check_fill(&target, &[Form::Deque], from)?;
        self.call_each(&target, "append", from)
    }

    pub(super) fn add_items(&mut self, from: usize) -> Result<(), Fail> {
        let target = self.target(from)?;
        self.stack[from..].iter().try_for_each(check_hash)?;
        if let Ok(set) = target.cast_exact::<PySet>() {
            for item in self.stack.drain(from..) {
                set.add(item).map_err(|error| damaged(self.py, error))?;
            }
            return Ok(());
        }
        self.check_fill(&target, &[], from)?;
        self.call_each(&target, "add", from)
    }

    /// The method is the class's own: one found in the instance could be anything the stream put there.
    fn call_each(&mut self, target: &Any<'py>, method: &str, from: usize) -> Result<(), Fail> {
        let method = target.get_type().getattr(method).map_err(|error| damaged(self.py, error))?;
        for item in self.stack.drain(from..) {
            method.call1((target, item)).map_err(Fail::Raised)?;
        }
        Ok(())
    }

    /// Only containers that pickle fills, and instances of what the user allowed, are filled; never a class.
    fn check_fill(&mut self, target: &Any<'py>, forms: &[Form], from: usize) -> Result<(), Fail> {
        match self.rule_of_type(target) {
            Some(Rule::Any) => Ok(()),
            Some(Rule::Call(form)) if forms.contains(&form) => {
                if !form.is_tower() {
                    return Ok(());
                }
                for index in from..self.stack.len() {
                    let item = &self.stack[index];
                    let rule = self.rule_of(item.get_type().as_any());
                    if matches!(rule, Some(Rule::Call(form)) if form.is_tower()) {
                        self.towers.place(target, item)?;
                    }
                }
                Ok(())
            }
            _ => Err(Fail::Use(format!("filling an object of type {}", super::type_name(target)))),
        }
    }
}
