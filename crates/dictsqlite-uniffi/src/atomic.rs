//! Checks and writes that are one unit, in one crossing.

use dictsqlite_core as core;
use dictsqlite_core::{Completion, Value};

use crate::dict::NativeDict;
use crate::error::Result;
use crate::options::ttl;
use crate::pending::result_of;
use crate::types::Key;

/// A key that must have a version.
#[derive(Clone, Debug, uniffi::Record)]
pub struct NativeCheck {
    /// The key.
    pub key: Key,
    /// 0: there must be no entry.
    pub version: i64,
}

/// A write of one unit.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum NativeWrite {
    /// Sets the key to the value.
    Set {
        /// The key.
        key: Key,
        /// The value.
        value: Vec<u8>,
        /// In seconds: infinity for no expiry, NaN for the handle's.
        ttl: f64,
    },
    /// Adds to an integer, whatever it is then.
    Incr {
        /// The key.
        key: Key,
        /// What is added.
        delta: i64,
    },
    /// Deletes the key, whether it is there or not.
    Delete {
        /// The key.
        key: Key,
    },
}

impl NativeDict {
    fn begin_atomic(
        &self,
        checks: Vec<NativeCheck>,
        writes: Vec<NativeWrite>,
    ) -> Result<Completion<i64>> {
        let mut atomic = self.dict.atomic();
        for check in checks {
            atomic.check(core::Key::from(check.key), check.version)?;
        }
        for write in writes {
            match write {
                NativeWrite::Set { key, value, ttl } => {
                    self.dict.check_value(&value)?;
                    let ttl = self::ttl(ttl)?;
                    atomic.set_encoded(core::Key::from(key), Value::from(value), ttl)?;
                }
                NativeWrite::Incr { key, delta } => {
                    atomic.incr(core::Key::from(key), delta)?;
                }
                NativeWrite::Delete { key } => {
                    atomic.delete(core::Key::from(key))?;
                }
            }
        }
        Ok(atomic.commit_async())
    }
}

#[uniffi::export]
impl NativeDict {
    /// Does all of the writes, in order, if every check holds, or nothing; gives the number of the
    /// last operation, which is the version of what was written last.
    pub fn atomic(&self, checks: Vec<NativeCheck>, writes: Vec<NativeWrite>) -> Result<i64> {
        Ok(self.begin_atomic(checks, writes)?.wait()?)
    }

    /// The same as a future.
    pub async fn atomic_async(
        &self,
        checks: Vec<NativeCheck>,
        writes: Vec<NativeWrite>,
        ticket: u64,
    ) -> Result<i64> {
        result_of(ticket, || self.begin_atomic(checks, writes)).await
    }
}
