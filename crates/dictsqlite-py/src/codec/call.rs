//! Calls, new instances and their state: the opcodes of the machine that run code, each checked first.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString, PyTuple, PyType};

use super::safe::{self, Form, Helper, Rule};
use super::vm::{Fail, Machine, damaged};
use super::{shown, type_name};

type Any<'py> = Bound<'py, PyAny>;

fn tuple<'a, 'py>(args: &'a Any<'py>) -> Result<&'a Bound<'py, PyTuple>, Fail> {
    args.cast_exact().map_err(|_| Fail::Damaged("arguments that are no tuple".to_owned()))
}

/// `module.qualname` of a class or function, for messages.
fn label(object: &Any<'_>) -> String {
    match object.cast::<PyType>().map(|class| class.fully_qualified_name()) {
        Ok(Ok(name)) => shown(&name.to_string_lossy(), 200),
        _ => format!("an object of type {}", type_name(object)),
    }
}

impl<'py> Machine<'_, 'py> {
    /// `REDUCE`: calls what the rules let be called, with arguments they let pass.
    pub(super) fn reduce(&mut self, callable: &Any<'py>, args: &Any<'py>) -> Result<(), Fail> {
        let args = tuple(args)?;
        let value = match self.rule_of(callable) {
            Some(Rule::Any) => callable.call1(args).map_err(Fail::Raised)?,
            Some(Rule::Call(form)) => {
                if !form.fits(args, |class| self.rule_of(class).is_some()) {
                    return Err(Fail::Use(format!(
                        "a call of {} with these arguments",
                        label(callable)
                    )));
                }
                callable.call1(args).map_err(|error| match damaged(self.py, error) {
                    Fail::Damaged(why) => {
                        Fail::Damaged(format!("{} was not rebuilt: {why}", label(callable)))
                    }
                    other => other,
                })?
            }
            Some(Rule::Helper(helper)) => return self.help(helper, args),
            Some(Rule::Value | Rule::Uuid) | None => {
                return Err(Fail::Use(format!("a call of {}", label(callable))));
            }
        };
        self.push(value);
        Ok(())
    }

    /// Does what a pickler uses the helper for, and nothing else that the helper could do.
    fn help(&mut self, helper: Helper, args: &Bound<'py, PyTuple>) -> Result<(), Fail> {
        let items: Vec<Any<'py>> = args.iter().collect();
        let value = match (helper, items.as_slice()) {
            (Helper::Latin1, [_, _]) if Form::Bytes.fits(args, |_| false) => items[0]
                .call_method1("encode", ("latin-1",))
                .map_err(|error| damaged(self.py, error))?,
            (Helper::Getattr, [class, name]) if name.is_exact_instance_of::<PyString>() => {
                self.member(class, name)?
            }
            (Helper::Reconstruct, [class, base, state])
                if base.is(self.py.get_type::<PyAny>()) && state.is_none() =>
            {
                return self.make(class, PyTuple::empty(self.py).as_any(), None);
            }
            (Helper::Zone, [key, cached]) if cached.is_instance_of::<PyInt>() && zone_key(key) => {
                let zone = self.zone_class()?;
                let cached = cached.is_truthy().map_err(Fail::Raised)?;
                let made = zone.call_method1("_unpickle", (key, PyBool::new(self.py, cached)));
                made.map_err(|error| damaged(self.py, error))?
            }
            _ => {
                return Err(Fail::Use("a call of a pickle helper with these arguments".to_owned()));
            }
        };
        self.push(value);
        Ok(())
    }

    fn zone_class(&self) -> Result<Any<'py>, Fail> {
        match safe::find(self.py, "zoneinfo", "ZoneInfo") {
            Some(Ok((class, _))) => Ok(class),
            Some(Err(error)) => {
                Err(Fail::Missing("zoneinfo.ZoneInfo".to_owned(), error.to_string()))
            }
            None => Err(Fail::Use("a time zone".to_owned())),
        }
    }

    /// `getattr`, for the two things that picklers use it for.
    fn member(&mut self, class: &Any<'py>, name: &Any<'py>) -> Result<Any<'py>, Fail> {
        let rule = self.rule_of(class);
        if rule.is_some()
            && name.eq("_unpickle").map_err(Fail::Raised)?
            && class.is(&self.zone_class()?)
        {
            let stand_in = self.py.get_type::<PyAny>().call0().map_err(Fail::Raised)?;
            self.note(&stand_in, Rule::Helper(Helper::Zone));
            return Ok(stand_in);
        }
        if rule == Some(Rule::Any) {
            let member = |class: &Bound<'py, PyType>| -> PyResult<Option<Any<'py>>> {
                if !class.is_subclass(&self.py.import("enum")?.getattr("Enum")?)? {
                    return Ok(None);
                }
                class.getattr("__members__")?.get_item(name).map(Some)
            };
            if let Ok(class) = class.cast::<PyType>()
                && let Some(member) = member(class).map_err(|error| damaged(self.py, error))?
            {
                return Ok(member);
            }
        }
        Err(Fail::Use(format!("an attribute of {}", label(class))))
    }

    /// `NEWOBJ` and `NEWOBJ_EX`: a bare instance of a class.
    pub(super) fn make(
        &mut self,
        class: &Any<'py>,
        args: &Any<'py>,
        kwargs: Option<&Any<'py>>,
    ) -> Result<(), Fail> {
        let args = tuple(args)?;
        let kwargs = match kwargs.map(|kwargs| kwargs.cast_exact::<PyDict>()) {
            Some(Err(_)) => {
                return Err(Fail::Damaged("keyword arguments that are no dict".to_owned()));
            }
            Some(Ok(kwargs)) => Some(kwargs),
            None => None,
        };
        let allowed = class.is_instance_of::<PyType>()
            && match self.rule_of(class) {
                Some(Rule::Any) => true,
                Some(Rule::Uuid) => args.is_empty() && kwargs.is_none(),
                _ => false,
            };
        if !allowed {
            return Err(Fail::Use(format!("a bare instance of {}", label(class))));
        }
        let with_class = std::iter::once(class.clone()).chain(args.iter()).collect::<Vec<_>>();
        let made = PyTuple::new(self.py, with_class)
            .and_then(|args| class.getattr(pyo3::intern!(self.py, "__new__"))?.call(args, kwargs));
        self.push(made.map_err(Fail::Raised)?);
        Ok(())
    }

    /// `BUILD`: gives an instance its state.
    pub(super) fn build(&mut self, target: &Any<'py>, state: &Any<'py>) -> Result<(), Fail> {
        let allowed = match self.rule_of_type(target) {
            Some(Rule::Any) => true,
            Some(Rule::Uuid) => safe::is_uuid_state(state),
            _ => false,
        };
        if !allowed {
            return Err(Fail::Use(format!("state for {}", label(target))));
        }
        // The class's own method: one found in the instance could be anything the stream put there.
        match target.get_type().getattr(pyo3::intern!(self.py, "__setstate__")) {
            Ok(method) => method.call1((target, state)).map(drop).map_err(Fail::Raised),
            Err(_) => self.set_state(target, state),
        }
    }

    /// What `object` does with a state: attributes from a dict, slots from a second one.
    fn set_state(&self, target: &Any<'py>, state: &Any<'py>) -> Result<(), Fail> {
        let odd = || Fail::Use(format!("this state for an object of type {}", type_name(target)));
        let pair = state.cast_exact::<PyTuple>().ok().filter(|pair| pair.len() == 2);
        let (attributes, slots) = match pair {
            Some(pair) => (
                pair.get_item(0).map_err(Fail::Raised)?,
                Some(pair.get_item(1).map_err(Fail::Raised)?),
            ),
            None => (state.clone(), None),
        };
        if !attributes.is_none() {
            let attributes = attributes.cast_exact::<PyDict>().map_err(|_| odd())?;
            let own = target.getattr(pyo3::intern!(self.py, "__dict__")).map_err(|_| odd())?;
            let own = own.cast_exact::<PyDict>().map_err(|_| odd())?;
            for (name, value) in attributes.iter() {
                let name = name.cast_exact::<PyString>().map_err(|_| odd())?;
                let interned = PyString::intern(self.py, &name.to_cow().map_err(|_| odd())?);
                own.set_item(interned, value).map_err(Fail::Raised)?;
            }
        }
        let Some(slots) = slots.filter(|slots| !slots.is_none()) else { return Ok(()) };
        let class = target.get_type();
        let kind = self.py.import("types").and_then(|types| types.getattr("MemberDescriptorType"));
        let kind = kind.map_err(Fail::Raised)?;
        for (name, value) in slots.cast_exact::<PyDict>().map_err(|_| odd())?.iter() {
            let name = name.cast_exact::<PyString>().map_err(|_| odd())?;
            // Only true slots: other names could be properties, `__class__` or `__dict__`.
            let slot = class.getattr(name).map_err(|_| odd())?;
            if !slot.get_type().is(&kind) {
                return Err(odd());
            }
            target.setattr(name, value).map_err(Fail::Raised)?;
        }
        Ok(())
    }
}

fn zone_key(key: &Any<'_>) -> bool {
    let Ok(key) = key.cast_exact::<PyString>() else { return false };
    key.to_cow().is_ok_and(|key| safe::is_zone_key(&key))
}
