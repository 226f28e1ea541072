//! Batches and scans.

use std::sync::Arc;

use dictsqlite_core::Value;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::arguments::{listed, pairs};
use super::{Dict, Open, blocking};
use crate::keys::{self, PyKey};
use crate::scan::{self, Scan, What};
use crate::{errors, open};

/// The keys Python objects are.
pub(crate) fn borrowed<'a>(keys: &'a [Bound<'_, PyAny>]) -> PyResult<Vec<PyKey<'a>>> {
    keys.iter().map(|key| keys::borrowed(key)).collect()
}

#[pymethods]
impl Dict {
    /// The values of many keys, in their order, `default` where there is none.
    #[pyo3(signature = (keys, default=None))]
    fn batch_get<'py>(
        &self,
        keys: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = keys.py();
        let Open { dict, values, .. } = self.opened(py)?;
        let keys = listed(keys)?;
        let packed = borrowed(&keys)?;
        let found = blocking(py, || dict.get_many(&packed))?;
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        let list = PyList::empty(py);
        for (key, value) in keys.iter().zip(found) {
            match value {
                Some(value) => list.append(values.decode(py, &value, Some(key))?)?,
                None => list.append(&default)?,
            }
        }
        Ok(list)
    }

    /// Sets many keys as one unit, from a mapping or an iterable of pairs.
    #[pyo3(signature = (items, *, ttl=None))]
    fn batch_set(&self, items: &Bound<'_, PyAny>, ttl: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = items.py();
        let Open { dict, values, .. } = self.opened(py)?;
        let ttl = open::ttl(ttl.as_ref())?;
        let pairs = pairs(items)?;
        let encoded = pairs
            .iter()
            .map(|(key, value)| Ok((keys::borrowed(key)?, values.encode(value, Some(key))?)))
            .collect::<PyResult<Vec<(PyKey<'_>, Value)>>>()?;
        blocking(py, || dict.set_many_encoded(&encoded, ttl))
    }

    /// Deletes many keys as one unit, whether they are there or not.
    fn batch_delete(&self, keys: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = keys.py();
        let dict = &self.opened(py)?.dict;
        let keys = listed(keys)?;
        let packed = borrowed(&keys)?;
        blocking(py, || dict.delete_many(&packed))
    }

    /// A scan of "keys", "values" or "items".
    #[pyo3(signature = (what, **options))]
    fn _scan(
        &self,
        py: Python<'_>,
        what: &str,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Scan> {
        let Open { dict, values, .. } = self.opened(py)?;
        let what = What::named(what);
        let scan = dict.scan(&scan::options(py, what, options)?);
        let scan = scan.map_err(|e| errors::raise(py, &e))?;
        Ok(Scan::new(scan, Arc::clone(values), what))
    }
}
