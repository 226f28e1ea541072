//! Backups of the store on the simulated disk, made while others write. A copy goes through the file
//! system of this machine, which is not simulated: what is checked of its place is that there is the
//! old copy or the new one, and nothing else, however the source ends.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::account::Account;
use super::history::Flaw;
use super::life::{Broken, HANG, Life, Step};
use super::ops::{Op, Via};
use super::verdict::{Found, look_at};
use crate::{BackupOptions, Completion, Copied};

/// Where syncs cost nothing.
const IN_MEMORY: &str = "/dev/shm";
const COPY: &str = "copy.db";
/// For a build that is broken on purpose.
const SECOND: &str = "second.db";

impl Life<'_> {
    pub(super) fn back_up(&mut self, via: Via, during: &[Op]) -> Step<()> {
        // It has what was acknowledged: which that is shall be known.
        self.catch_up()?;
        let copy = self.place(COPY)?;
        let old = std::fs::read(&copy).ok();
        let from = self.account.last();
        let version = self.account.committed_version;
        let mut backup = self.begin_backup(via, &copy);
        if self.flaw == Flaw::TwoMoments {
            backup = Completion::ready(backup.wait());
        }
        let lived = during.iter().try_for_each(|op| self.write(op).map(drop));
        if let Err(Broken::Wrong(_)) = lived {
            return lived;
        }
        // Also when the world has stopped: who copies finds that out by itself.
        let Ok(copied) = backup.wait_until(Instant::now() + HANG) else {
            return Err(Broken::Wrong("a backup hangs".into()));
        };
        let right = match copied {
            Ok(copied) => self.check_copy(via, &copy, copied, (from, version)),
            Err(e) if self.disk.is_stopped() || self.may_fail(&e) => {
                if std::fs::read(&copy).ok() == old {
                    Ok(())
                } else {
                    Err(format!("a backup failed ({e}) and left another file than there was"))
                }
            }
            Err(e) => Err(format!("a backup failed: {e}")),
        };
        right.and_then(|()| alone(&copy)).map_err(Broken::Wrong)?;
        lived
    }

    fn begin_backup(&self, via: Via, to: &Path) -> Completion<Copied> {
        let options = BackupOptions { overwrite: true, ..BackupOptions::default() };
        self.dict(via).backup_async(to, &options)
    }

    fn place(&mut self, name: &str) -> Step<PathBuf> {
        let made = match self.copies.take() {
            Some(made) => Ok(made),
            None => tempfile::tempdir_in(IN_MEMORY).or_else(|_| tempfile::tempdir()),
        };
        let made = made.map_err(|e| Broken::Wrong(e.to_string()))?;
        let path = made.path().join(name);
        self.copies = Some(made);
        Ok(path)
    }

    /// The copy must be what was there at some moment since it was begun.
    fn check_copy(
        &mut self,
        via: Via,
        copy: &Path,
        copied: Copied,
        (from, version): (usize, i64),
    ) -> Result<(), String> {
        let words = |why: String| format!("a backup: {why}");
        let length = std::fs::metadata(copy).map_err(|e| words(e.to_string()))?.len();
        if length != copied.bytes {
            return Err(words(format!("it has {length} bytes and not {}", copied.bytes)));
        }
        let mut found = look_at(copy).map_err(words)?;
        if self.flaw == Flaw::TwoMoments && !self.disk.is_stopped() {
            found.contents.0[1] = self.second(via)?.contents.0[1].clone();
        }
        let mut account = Account::of(self.account.states[from..].to_vec());
        account.durable_version = version;
        found.judge(&account, true, self.now, self.setting.in_order).map(drop).map_err(words)
    }

    /// Another copy, of another moment.
    fn second(&mut self, via: Via) -> Result<Found, String> {
        let path = self.place(SECOND).map_err(|e| format!("{e:?}"))?;
        let copied = self.begin_backup(via, &path).wait();
        let found = copied.map_err(|e| e.to_string()).and_then(|_| look_at(&path));
        std::fs::remove_file(&path).map_err(|e| e.to_string())?;
        found
    }
}

/// Nothing is beside the copy.
fn alone(copy: &Path) -> Result<(), String> {
    let parent = copy.parent().map(std::fs::read_dir);
    for entry in parent.into_iter().flatten().flatten().flatten() {
        if entry.path() != copy {
            return Err(format!("a backup left {}", entry.path().display()));
        }
    }
    Ok(())
}
