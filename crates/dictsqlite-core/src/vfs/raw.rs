//! The files that SQLite has open for a connection, read in large pieces through its own handles: a file
//! of a live database must never be opened beside SQLite.

#![allow(unsafe_code)] // SQLite's file methods are a table of C functions.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

use rusqlite::{Connection, ffi};

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Database,
    /// The write-ahead log.
    Log,
}

/// The files of a connection, which must be in a read transaction in WAL mode as long as they are used:
/// then SQLite keeps both open.
pub(crate) struct RawFiles<'a> {
    database: *mut ffi::sqlite3_file,
    log: *mut ffi::sqlite3_file,
    connection: PhantomData<&'a Connection>,
}

impl<'a> RawFiles<'a> {
    pub(crate) fn of(connection: &'a Connection) -> Option<Self> {
        let file = |operation: c_int| {
            let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
            // SAFETY: both operations write a pointer to one of the connection's own files.
            let rc = unsafe {
                ffi::sqlite3_file_control(
                    connection.handle(),
                    c"main".as_ptr(),
                    operation,
                    (&raw mut file).cast::<c_void>(),
                )
            };
            // SAFETY: SQLite's own file, or null.
            let open = unsafe { file.as_ref() }.is_some_and(|file| !file.pMethods.is_null());
            (rc == ffi::SQLITE_OK && open).then_some(file)
        };
        let database = file(ffi::SQLITE_FCNTL_FILE_POINTER)?;
        let log = file(ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
        Some(Self { database, log, connection: PhantomData })
    }

    fn file(&self, which: Which) -> *mut ffi::sqlite3_file {
        match which {
            Which::Database => self.database,
            Which::Log => self.log,
        }
    }

    /// How long a file is, in bytes; the error is SQLite's code.
    pub(crate) fn length(&self, which: Which) -> Result<u64, c_int> {
        let file = self.file(which);
        let mut length: ffi::sqlite3_int64 = 0;
        // SAFETY: the file is open, as `of` has seen and the connection's borrow keeps it, and used by
        // this thread only, as its connection is.
        let rc = unsafe {
            let methods = (*file).pMethods;
            (*methods).xFileSize.map_or(ffi::SQLITE_MISUSE, |size| size(file, &raw mut length))
        };
        match rc {
            ffi::SQLITE_OK => u64::try_from(length).map_err(|_| ffi::SQLITE_IOERR),
            code => Err(code),
        }
    }

    /// Fills `out` from `at` on; false when the file ends first, and then there are zeroes.
    pub(crate) fn read(&self, which: Which, out: &mut [u8], at: u64) -> Result<bool, c_int> {
        let file = self.file(which);
        let (Ok(length), Ok(at)) = (c_int::try_from(out.len()), i64::try_from(at)) else {
            return Err(ffi::SQLITE_TOOBIG);
        };
        // SAFETY: as in `length`; the buffer has `length` bytes.
        let rc = unsafe {
            let methods = (*file).pMethods;
            let read = (*methods).xRead;
            read.map_or(ffi::SQLITE_MISUSE, |read| read(file, out.as_mut_ptr().cast(), length, at))
        };
        match rc {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_IOERR_SHORT_READ => Ok(false),
            code => Err(code),
        }
    }
}
