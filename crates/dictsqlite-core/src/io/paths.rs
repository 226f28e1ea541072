//! The blocking calls on paths.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::errors::path_error;
use super::live;
use super::os::Open;
use super::vfs::{Access, OpenOptions};
use crate::error::{Error, ErrorKind, Result};

pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Open> {
    check(options)?;
    live::check(path)?;
    let mut system = File::options();
    system.read(true).write(options.write).create(options.create);
    system.create_new(options.create_new).truncate(options.truncate);
    set_unix(&mut system, options);
    let file = system.open(path).map_err(|e| open_error(path, options, &e))?;
    let metadata = file.metadata().map_err(|e| path_error("open", path, &e))?;
    if metadata.is_dir() {
        return Err(Error::invalid(format!("{} is a directory", path.display())));
    }
    Ok(Open::new(file, options.write, options.direct))
}

pub(super) fn check(options: &OpenOptions) -> Result<()> {
    if !options.write && (options.create || options.create_new || options.truncate) {
        return Err(Error::invalid("to make or empty a file, open it with `write`"));
    }
    if options.direct && !cfg!(target_os = "linux") {
        return Err(Error::new(ErrorKind::Unsupported, "direct I/O is for Linux only"));
    }
    Ok(())
}

fn open_error(path: &Path, options: &OpenOptions, e: &io::Error) -> Error {
    if options.direct && e.kind() == io::ErrorKind::InvalidInput {
        return Error::new(
            ErrorKind::Unsupported,
            format!("the file system of {} has no direct I/O", path.display()),
        );
    }
    path_error("open", path, e)
}

#[cfg(unix)]
fn set_unix(system: &mut std::fs::OpenOptions, options: &OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(mode) = options.mode {
        system.mode(mode);
    }
    #[cfg(target_os = "linux")]
    if options.direct {
        system.custom_flags(libc::O_DIRECT);
    }
}

#[cfg(not(unix))]
fn set_unix(_: &mut std::fs::OpenOptions, _: &OpenOptions) {}

pub(super) fn delete(path: &Path, sync_dir: bool) -> Result<()> {
    live::check(path)?;
    std::fs::remove_file(path).map_err(|e| path_error("delete", path, &e))?;
    if sync_dir { sync_directory(parent(path)) } else { Ok(()) }
}

pub(super) fn rename(from: &Path, to: &Path, sync_dir: bool) -> Result<()> {
    live::check(from)?;
    live::check(to)?;
    std::fs::rename(from, to)
        .map_err(|e| path_error(&format!("rename {} to", from.display()), to, &e))?;
    if sync_dir {
        sync_directory(parent(to))?;
        if parent(from) != parent(to) {
            sync_directory(parent(from))?;
        }
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Brings to the disk which files are in a directory.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> Result<()> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|e| path_error("sync the directory", dir, &e))
}

/// Elsewhere a directory cannot be opened to be synced; NTFS logs its changes in order.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
pub(super) fn access(path: &Path, access: Access) -> Result<bool> {
    use rustix::fs::Access as Bits;
    let bits = match access {
        Access::Exists => Bits::EXISTS,
        Access::Read => Bits::READ_OK,
        Access::ReadWrite => Bits::READ_OK | Bits::WRITE_OK,
    };
    match rustix::fs::access(path, bits).map_err(io::Error::from) {
        Ok(()) => Ok(true),
        Err(e) => no_or_error(path, &e),
    }
}

/// Where permissions are no bits: by what is there, and the attribute that forbids writing.
#[cfg(not(unix))]
pub(super) fn access(path: &Path, access: Access) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(access != Access::ReadWrite || !metadata.permissions().readonly()),
        Err(e) => no_or_error(path, &e),
    }
}

fn no_or_error(path: &Path, e: &io::Error) -> Result<bool> {
    use io::ErrorKind as Os;
    match e.kind() {
        Os::NotFound | Os::NotADirectory | Os::PermissionDenied | Os::ReadOnlyFilesystem => {
            Ok(false)
        }
        _ => Err(path_error("look at", path, e)),
    }
}

/// Resolves as much of the path as is there, and appends the rest.
pub(super) fn full(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|e| path_error("find", path, &e))?;
    let mut known = absolute.as_path();
    let mut rest = Vec::new();
    loop {
        match known.canonicalize() {
            Ok(mut full) => {
                full.extend(rest.iter().rev());
                return Ok(full);
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(path_error("find", path, &e)),
        }
        let (Some(parent), Some(name)) = (known.parent(), known.file_name()) else {
            return Ok(absolute);
        };
        rest.push(name);
        known = parent;
    }
}
