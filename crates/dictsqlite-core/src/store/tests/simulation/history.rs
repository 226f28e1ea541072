//! Several lives on one disk, with an end to each; all of it drawn from one seed.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use super::account::Account;
use super::life::{Broken, Life, Setting};
use super::ops::{Op, Taste, Via, draw};
use super::verdict::{connect, look};
use crate::ManualClock;
use crate::vfs::{Disk, Loss, What, When};

/// What happens to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The power goes.
    PowerCut,
    /// The process is killed; now and then the power goes later.
    Kill,
    /// Calls fail for a while; at the end either of the two.
    Failing,
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// The log is never synced.
    LogNotSynced,
    /// No file is ever synced.
    NothingSynced,
    /// A batch is written one by one.
    SplitBatches,
    /// A write is overtaken by the one after it.
    Overtaking,
    /// The counter begins anew when the store is opened.
    CounterLost,
    /// A transaction is committed as two.
    SplitTransactions,
    /// The commit of a transaction is acknowledged before its sync.
    EarlyCommits,
    /// What others wrote since a transaction began is not looked at when it commits.
    ConflictsMissed,
    /// A backup has one table as of one moment and the other one as of another.
    TwoMoments,
}

impl Flaw {
    /// Reads and answers would tell at once; only what is left at the end shall.
    pub(super) fn is_for_the_end(self) -> bool {
        self == Self::Overtaking
    }
}

/// The end of a life.
struct Death {
    account: Account,
    /// Whether the power went since; else what was written is there.
    power_cut: bool,
}

pub(super) struct History {
    kind: Kind,
    flaw: Flaw,
    seed: u64,
    random: Rng,
    taste: Taste,
    setting: Setting,
    now: i64,
}

const START: i64 = 1_000_000;

impl History {
    pub(super) fn new(kind: Kind, flaw: Flaw, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let taste = Taste::new(&mut random);
        let due_frames = [1, 4, 20, 1000][random.usize(..4)];
        let setting = Setting {
            buffer_size: [1, 2, 5, 100][random.usize(..4)],
            hot_capacity: [0, 4, 1000][random.usize(..3)],
            due_frames,
            cap_frames: due_frames * random.u32(1..4),
            clock: ManualClock::at(START),
            in_order: !taste.expiry,
        };
        Self { kind, flaw, seed, taste, random, setting, now: START }
    }

    /// Lives through it; the error says which promise was broken.
    pub(super) fn run(mut self, lives: &AtomicU64) -> Result<(), String> {
        let mut disk = Disk::new(self.seed);
        match self.flaw {
            Flaw::LogNotSynced => disk.ignore_syncs("-wal"),
            Flaw::NothingSynced => disk.ignore_syncs(""),
            _ => {}
        }
        let mut death: Option<Death> = None;
        for round in 0..self.random.u8(1..=3) {
            lives.fetch_add(1, Ordering::Relaxed);
            let mut life = Life::new(&disk, &self.setting, self.now, self.flaw);
            let early = self.kind != Kind::Failing && self.random.u8(..5) == 0;
            if early {
                disk.arm(When::Call(self.random.u64(1..45)), What::Stop);
            }
            let begun = self.begin(&mut life, &disk, death.as_ref());
            if life.judged {
                // Else the next one is judged by the same account.
                death = None;
            }
            let lived = begun.and_then(|()| self.live(&mut life, &disk, early));
            self.now = life.now;
            let account = life.end();
            if let Err(Broken::Wrong(why)) = lived {
                return Err(format!("life {round}: {why}"));
            }
            let power_cut = match self.kind {
                Kind::PowerCut => true,
                Kind::Kill => self.random.u8(..4) == 0,
                Kind::Failing => self.random.bool(),
            };
            let seed = self.random.u64(..);
            let next = if power_cut {
                let loss = Loss::ALL[self.random.usize(..Loss::ALL.len())];
                disk.after_cut(seed, loss)
            } else {
                disk.after_kill(seed)
            };
            death = Some(match death.take() {
                // It did not come to be opened: nothing new was accepted.
                Some(before) => Death { power_cut: before.power_cut || power_cut, ..before },
                None => Death { account, power_cut },
            });
            if self.flaw == Flaw::LogNotSynced {
                next.ignore_syncs("-wal");
            }
            disk = next;
        }
        self.close(&disk, death.as_ref())
    }

    /// Opens the store and looks at what is left of the life before.
    fn begin(
        &mut self,
        life: &mut Life<'_>,
        disk: &Disk,
        death: Option<&Death>,
    ) -> Result<(), Broken> {
        life.open()?;
        death.map_or(Ok(()), |death| self.judge(life, disk, death))
    }

    fn judge(&mut self, life: &mut Life<'_>, disk: &Disk, death: &Death) -> Result<(), Broken> {
        let wrong = |why: String| {
            if disk.is_stopped() { Broken::Stopped } else { Broken::Wrong(why) }
        };
        let found = look(disk).map_err(wrong)?;
        let account = &death.account;
        let at = found
            .judge(account, death.power_cut, self.now, self.setting.in_order)
            .map_err(wrong)?;
        // After a kill what was not synced still is not, and may be lost in the next cut.
        let first = if death.power_cut { at } else { account.durable.min(at) };
        life.account = Account::of(account.states[first..=at].to_vec());
        life.judged = true;
        if self.flaw == Flaw::CounterLost {
            let reset = "UPDATE _dictsqlite SET value = 0 WHERE name = 'counter'";
            let done = connect(disk).and_then(|c| c.execute(reset, []));
            done.map_err(|e| wrong(e.to_string()))?;
        }
        let probe = Op::SetIf(Via::Lazy, 0, self.random.u64(..).to_le_bytes().to_vec(), true);
        let version = life.write(&probe)?.unwrap_or(0);
        found.check_new(version).map_err(wrong)
    }

    fn live(&mut self, life: &mut Life<'_>, disk: &Disk, early: bool) -> Result<(), Broken> {
        let count = [6, 20, 45][self.random.usize(..3)];
        if self.kind == Kind::Failing {
            life.failing = true;
            // When it ends before anything is tried again, no two calls fail in a row: a transaction
            // that was refused, and could not be taken out of the log either, may be found in it.
            let hasty = self.random.u8(..4) == 0;
            let most = if hasty { 2 } else { 4 };
            for _ in 0..3 {
                let times = self.random.u64(1..most);
                let what = [What::Io(times), What::Full(times)];
                disk.arm(self.moment(), what[self.random.usize(..2)]);
                let ops = draw(&mut self.random, &self.taste, count / 2);
                life.live(&ops)?;
            }
            disk.disarm();
            if hasty {
                return Ok(());
            }
            life.settle()?;
            life.failing = false;
            self.check_now(life, disk)?;
            let ops = draw(&mut self.random, &self.taste, 4);
            return life.live(&ops);
        }
        if !early {
            disk.arm(self.moment(), What::Stop);
        }
        let ops = draw(&mut self.random, &self.taste, count);
        life.live(&ops)
    }

    fn moment(&mut self) -> When {
        match self.random.u8(..4) {
            0 => When::Sync(self.random.u64(1..12)),
            1 => When::Call(self.random.u64(1..20)),
            _ => When::Call(self.random.u64(1..200)),
        }
    }

    /// Everything that was accepted is there.
    fn check_now(&self, life: &Life<'_>, disk: &Disk) -> Result<(), Broken> {
        let found = look(disk).map_err(Broken::Wrong)?;
        found
            .judge(&life.account, false, life.now, self.setting.in_order)
            .map(drop)
            .map_err(Broken::Wrong)
    }

    /// Opens the last disk, looks, closes it in peace, and looks again.
    fn close(&mut self, disk: &Disk, death: Option<&Death>) -> Result<(), String> {
        let words = |broken: Broken| match broken {
            Broken::Stopped => "the world stopped by itself".to_owned(),
            Broken::Wrong(why) => format!("at the end: {why}"),
        };
        let mut life = Life::new(disk, &self.setting, self.now, self.flaw);
        let closed = self
            .begin(&mut life, disk, death)
            .and_then(|()| life.live(&[Op::Reopen]))
            .and_then(|()| self.check_now(&life, disk));
        life.end();
        closed.map_err(words)
    }
}
