//! Advisory locks in SQLite's levels.
//!
//! On Linux they lie on the bytes that SQLite uses, and belong to the open file description: they go
//! with it and with nothing else. Elsewhere the standard library's locks of whole files stand in,
//! which have no level between readers and a writer.

use std::fs::File;

use super::file::LockLevel;
use crate::error::{Error, ErrorKind, Result};

/// What one open file holds.
#[derive(Debug)]
pub(super) struct Locks {
    level: LockLevel,
    /// New readers are kept out, while the readers there are not gone yet.
    pending: bool,
}

impl Default for Locks {
    fn default() -> Self {
        Self { level: LockLevel::None, pending: false }
    }
}

/// The error of a lock that somebody else's is in the way of.
pub(super) fn busy(level: LockLevel) -> Error {
    Error::new(
        ErrorKind::Busy,
        format!("somebody else holds a lock that is in the way of {level:?}; try again later"),
    )
}

/// Locks are raised from one level to a higher one, and `Reserved` and `Exclusive` need `Shared`.
pub(super) fn check_raise(held: LockLevel, wanted: LockLevel) -> Result<()> {
    if held == LockLevel::None && wanted > LockLevel::Shared {
        return Err(Error::invalid(format!("lock the file as Shared before {wanted:?}")));
    }
    Ok(())
}

/// Locks are lowered to `Shared` or `None`.
pub(super) fn check_lower(wanted: LockLevel) -> Result<()> {
    if wanted > LockLevel::Shared {
        return Err(Error::invalid(format!("unlock to Shared or None, not to {wanted:?}")));
    }
    Ok(())
}

#[cfg(target_os = "linux")]
impl Locks {
    pub(super) fn raise(&mut self, file: &File, wanted: LockLevel) -> Result<()> {
        use super::ofd::{self, PENDING, RESERVED, SHARED, Type};
        check_raise(self.level, wanted)?;
        if wanted <= self.level {
            return Ok(());
        }
        let taken = match wanted {
            LockLevel::None => true,
            LockLevel::Shared => {
                // Through the gate that one who waits to write keeps shut.
                let taken = ofd::set(file, PENDING, Type::Read)?;
                let shared = taken && ofd::set(file, SHARED, Type::Read)?;
                if taken {
                    ofd::set(file, PENDING, Type::None)?;
                }
                shared
            }
            LockLevel::Reserved => ofd::set(file, RESERVED, Type::Write)?,
            LockLevel::Exclusive => {
                if self.level < LockLevel::Reserved && !ofd::set(file, RESERVED, Type::Write)? {
                    return Err(busy(wanted));
                }
                self.level = LockLevel::Reserved;
                self.pending = self.pending || ofd::set(file, PENDING, Type::Write)?;
                self.pending && ofd::set(file, SHARED, Type::Write)?
            }
        };
        if !taken {
            return Err(busy(wanted));
        }
        self.level = wanted;
        Ok(())
    }

    pub(super) fn lower(&mut self, file: &File, wanted: LockLevel) -> Result<()> {
        use super::ofd::{self, PENDING, RESERVED, SHARED, Type};
        check_lower(wanted)?;
        if wanted == LockLevel::Shared {
            if self.level > LockLevel::Shared {
                // From writing to reading nobody can be in the way.
                ofd::set(file, SHARED, Type::Read)?;
                ofd::set(file, PENDING, Type::None)?;
                ofd::set(file, RESERVED, Type::None)?;
            }
            self.level = self.level.min(wanted);
        } else {
            for range in [SHARED, PENDING, RESERVED] {
                ofd::set(file, range, Type::None)?;
            }
            self.level = LockLevel::None;
        }
        self.pending = false;
        Ok(())
    }

    pub(super) fn is_reserved(&self, file: &File) -> Result<bool> {
        Ok(self.level >= LockLevel::Reserved || super::ofd::is_taken(file, super::ofd::RESERVED)?)
    }
}

#[cfg(not(target_os = "linux"))]
impl Locks {
    pub(super) fn raise(&mut self, file: &File, wanted: LockLevel) -> Result<()> {
        check_raise(self.level, wanted)?;
        if wanted <= self.level {
            return Ok(());
        }
        let locked = match wanted {
            LockLevel::None => Ok(()),
            LockLevel::Shared => file.try_lock_shared(),
            LockLevel::Reserved => return Err(unsupported()),
            LockLevel::Exclusive => file.try_lock(),
        };
        match locked {
            Ok(()) => self.level = wanted,
            Err(std::fs::TryLockError::WouldBlock) => return Err(busy(wanted)),
            Err(std::fs::TryLockError::Error(e)) => return Err(super::errors::error("lock", &e)),
        }
        Ok(())
    }

    pub(super) fn lower(&mut self, file: &File, wanted: LockLevel) -> Result<()> {
        check_lower(wanted)?;
        let lowered = match (self.level, wanted) {
            (LockLevel::None, _) | (LockLevel::Shared, LockLevel::Shared) => Ok(()),
            (_, LockLevel::Shared) => file.lock_shared(),
            _ => file.unlock(),
        };
        lowered.map_err(|e| super::errors::error("unlock", &e))?;
        self.level = self.level.min(wanted);
        self.pending = false;
        Ok(())
    }

    pub(super) fn is_reserved(&self, _: &File) -> Result<bool> {
        match self.level {
            LockLevel::Exclusive => Ok(true),
            _ => Err(unsupported()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn unsupported() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this system's file locks have no level between Shared and Exclusive",
    )
}
