//! Objects that a handle has given out and may give out again: as long as the moment lasts at which they
//! were made, no entry has changed, so an immutable object made of one is still its value.
//!
//! The engine keeps bytes, and making an object of them is most of what a hit costs. So programs that
//! read the same keys again and again, and seldom write, get them for little more than a lookup in a
//! `dict`. Where that does not pay, it is left alone: nothing is kept before a moment has lasted for a few
//! reads, and it rests when it is full and more than a fifth of the keys are not here.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicU32, Ordering};

use dictsqlite_core::MomentId;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString};

use crate::sync::Mutex;

/// Objects kept, at most; and how large one may be, in bytes as it is stored, and its key.
const MOST: usize = 2048;
pub(super) const LARGEST: usize = 1024;
/// Reads of one moment before anything is kept.
const QUIET: u32 = 32;
/// Once it is full, a miss weighs so much more than a hit; and for how many reads it rests when they
/// outweigh the hits by so much.
const MISS: u32 = 4;
const PATIENCE: u32 = 4096;
const REST: u32 = 256 * 1024;

/// See the module.
#[derive(Default)]
pub(crate) struct Near {
    /// Reads until something is kept. Threads may miscount it, which does no harm.
    wait: AtomicU32,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    moment: Option<MomentId>,
    /// By key, which is a `str` and of no subclass.
    objects: Option<Py<PyDict>>,
    patience: u32,
}

/// What is near.
pub(super) enum Look<'py> {
    Hit(Bound<'py, PyAny>),
    /// Not here; it may be kept.
    Miss,
    /// Not here, and is not to be.
    Pass,
}

impl Near {
    /// The object of a key at a moment.
    #[inline]
    pub(super) fn look<'py>(&self, key: &Bound<'py, PyAny>, moment: MomentId) -> Look<'py> {
        let wait = self.wait.load(Ordering::Relaxed);
        if wait > 0 {
            // Not even a lock is taken.
            self.wait.store(wait - 1, Ordering::Relaxed);
            return Look::Pass;
        }
        // Whoever has it at this moment may be further up on this very thread.
        let Some(mut inner) = self.inner.try_lock() else { return Look::Pass };
        if inner.moment != Some(moment) {
            inner.moment = Some(moment);
            return self.let_go(inner, QUIET);
        }
        let Some(objects) = &inner.objects else { return Look::Miss };
        let objects = objects.bind(key.py());
        if let Ok(Some(object)) = objects.get_item(key) {
            inner.patience = (inner.patience + 1).min(PATIENCE);
            return Look::Hit(object);
        }
        if objects.len() < MOST {
            return Look::Miss;
        }
        inner.patience = inner.patience.saturating_sub(MISS);
        if inner.patience == 0 { self.let_go(inner, REST) } else { Look::Pass }
    }

    /// Drops what is kept, and keeps nothing for a while.
    #[cold]
    fn let_go<'py>(&self, mut inner: MutexGuard<'_, Inner>, wait: u32) -> Look<'py> {
        self.wait.store(wait, Ordering::Relaxed);
        let old = inner.objects.take();
        drop(inner);
        drop(old);
        Look::Pass
    }

    /// Keeps an object that was made at a moment.
    pub(super) fn keep(&self, key: &Bound<'_, PyAny>, object: &Bound<'_, PyAny>, moment: MomentId) {
        if !is_immutable(object) {
            return;
        }
        // Making a dict may run Python code, by the garbage collector: not while the lock is held.
        let first = self.inner.try_lock().is_some_and(|inner| inner.objects.is_none());
        let fresh = first.then(|| PyDict::new(key.py()).unbind());
        let Some(mut inner) = self.inner.try_lock() else { return };
        if inner.moment != Some(moment) {
            return;
        }
        if inner.objects.is_none() {
            inner.objects = fresh;
            inner.patience = PATIENCE;
        }
        if let Some(objects) = &inner.objects {
            // Without memory for it, it is not kept.
            let _ = objects.bind(key.py()).set_item(key, object);
        }
    }
}

fn is_immutable(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyBytes>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_none()
}
