//! The border: results become codes, errors become C's, and panics stop.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dictsqlite_core::{Error, ErrorKind, Result};

use crate::raw::{dictsqlite_code, dictsqlite_error};

/// Runs `body`; what went wrong is put into `error`, if C wants to know.
#[inline]
pub(crate) fn guard(
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
    body: impl FnOnce() -> Result<()>,
) -> dictsqlite_code {
    let failed = match caught(body) {
        Ok(()) => {
            if let Some(error) = error {
                error.write(std::ptr::null_mut());
            }
            return dictsqlite_code::DICTSQLITE_OK;
        }
        Err(failed) => failed,
    };
    if let Some(error) = error {
        error.write(dictsqlite_error::new(&failed).into_raw());
    }
    failed.kind().into()
}

/// The same for what gives something: `out` is never left unset, and is empty after a failure.
#[inline]
pub(crate) fn give<T: Default, R: Into<T>>(
    out: Option<&mut MaybeUninit<T>>,
    error: Option<&mut MaybeUninit<*mut dictsqlite_error>>,
    body: impl FnOnce() -> Result<R>,
) -> dictsqlite_code {
    let Some(out) = out else { return guard(error, || Err(null("the place for the result"))) };
    out.write(T::default());
    guard(error, || {
        out.write(body()?.into());
        Ok(())
    })
}

/// The error for an argument that may not be NULL.
#[cold]
pub(crate) fn null(what: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{what} is NULL"))
}

/// What `body` gives; a panic is an error.
#[inline]
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // Whatever was half done in memory is behind locks that take that into account.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|said| (*said).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        let said = said.unwrap_or_else(|| "a panic without words".to_owned());
        Err(Error::new(
            ErrorKind::Internal,
            format!("a defect of dictsqlite, please report it: {said}"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_ours_and_the_result_is_empty() {
        let body = || -> Result<u64> { panic!("at {}", 1) };
        let code = give::<u64, u64>(Some(&mut MaybeUninit::uninit()), None, body);
        assert_eq!(code, dictsqlite_code::DICTSQLITE_INTERNAL);
        let raised = caught::<()>(|| panic!("plain")).expect_err("an error").to_string();
        assert!(raised.ends_with("plain"), "{raised}");
        assert_eq!(guard(None, || Err(null("x"))), dictsqlite_code::DICTSQLITE_INVALID);
    }
}
