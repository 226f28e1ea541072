//! The ways, and how they are timed.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::place::Place;
use super::report::{Comparison, Way};
use crate::completion::{Completion, interrupted, is_interrupted};
use crate::error::{Error, Result};
use crate::io::buf::{ALIGNMENT, Buf};
use crate::io::file::{AsyncFile, Sync, Transfer};
use crate::io::os::Open;
use crate::io::paths;
use crate::io::pool_vfs::PoolVfs;
use crate::io::vfs::{AsyncVfs, OpenOptions};

const ROUNDS: usize = 7;
/// The file is no longer than that, however many operations there are.
const LONGEST_FILE: u64 = 64 << 20;
/// What may be asked for: bytes under way at a time, and in a round.
const MOST_BYTES: usize = 1 << 30;
const MOST_ITERATIONS: usize = 100_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What one round of each way does.
pub(super) struct Work {
    direction: Direction,
    iterations: usize,
    size: usize,
    concurrency: usize,
    /// Places of `size` bytes in the file.
    places: u64,
}

impl Work {
    pub(super) fn new(
        direction: Direction,
        iterations: usize,
        size: usize,
        concurrency: usize,
    ) -> Result<Self> {
        let together = size.checked_mul(concurrency).filter(|bytes| *bytes <= MOST_BYTES);
        if iterations == 0 || size == 0 || concurrency == 0 {
            return Err(Error::invalid("iterations, size and concurrency are at least 1"));
        }
        if iterations > MOST_ITERATIONS || together.is_none() {
            return Err(Error::invalid(format!(
                "at most {MOST_ITERATIONS} iterations, and {MOST_BYTES} bytes at a time"
            )));
        }
        let most = (LONGEST_FILE / size as u64).max(concurrency as u64);
        let places = (iterations as u64).clamp(concurrency as u64, most);
        Ok(Self { direction, iterations, size, concurrency, places })
    }

    fn file_bytes(&self) -> u64 {
        self.places * self.size as u64
    }

    /// The offsets of a round, the same for every way: groups of different places.
    fn groups(&self, round: usize) -> Vec<Vec<u64>> {
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ round as u64);
        let mut groups = Vec::new();
        let mut left = self.iterations;
        while left > 0 {
            let count = left.min(self.concurrency);
            // Places of a group differ, since writes that overlap would not be independent.
            let begin = random.next() % self.places;
            let step = self.places / self.concurrency as u64;
            let place = |i: u64| (begin + i * step + random_below(i, begin, step)) % self.places;
            groups.push((0..count as u64).map(|i| place(i) * self.size as u64).collect());
            left -= count;
        }
        groups
    }
}

/// A place within the `i`-th share of the file, which no other member of the group is in.
fn random_below(i: u64, seed: u64, below: u64) -> u64 {
    if below == 0 { 0 } else { Random(seed ^ (i << 32)).next() % below }
}

/// Splitmix64: enough to scatter places, and the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A way to do one group.
enum Means {
    Blocking(Open),
    Each(Arc<dyn AsyncFile>),
    Batch(Arc<dyn AsyncFile>),
}

struct Contender {
    name: &'static str,
    direct: bool,
    means: Means,
    bufs: Vec<Buf>,
    /// Seconds of each round.
    rounds: Vec<f64>,
}

pub(super) fn all(dir: &Path, work: &Work) -> Result<Comparison> {
    let place = Place::new(dir, work.file_bytes())?;
    let mut skipped = Vec::new();
    let mut contenders = Vec::new();
    for direct in [false, true] {
        if direct && !work.size.is_multiple_of(ALIGNMENT) {
            skipped.push(format!("direct I/O: the size is no multiple of {ALIGNMENT}"));
            continue;
        }
        add(&place.path, work, direct, &mut contenders, &mut skipped)?;
    }
    // A first round is for what happens once: threads start, pages are mapped.
    for round in 0..=ROUNDS {
        let groups = work.groups(round);
        for contender in &mut contenders {
            let began = Instant::now();
            for group in &groups {
                contender.run(work.direction, group)?;
            }
            let seconds = began.elapsed().as_secs_f64();
            if round > 0 {
                contender.rounds.push(seconds);
            }
            if is_interrupted() {
                return Err(interrupted("nothing was measured"));
            }
        }
    }
    place.check_len(work.file_bytes())?;
    Ok(report(dir, work, contenders, skipped))
}

/// The ways through the page cache, or past it.
fn add(
    path: &Path,
    work: &Work,
    direct: bool,
    contenders: &mut Vec<Contender>,
    skipped: &mut Vec<String>,
) -> Result<()> {
    let options = OpenOptions { direct, ..OpenOptions::write() };
    let blocking = match paths::open(path, &options) {
        Ok(open) => open,
        Err(e) if direct => {
            skipped.push(format!("direct I/O: {e}"));
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    let open = |vfs: &dyn AsyncVfs| vfs.open(path, &options).wait();
    let mut put = |name, means| {
        let bufs = std::iter::repeat_with(|| filled(work.size)).take(work.concurrency).collect();
        contenders.push(Contender { name, direct, means, bufs, rounds: Vec::new() });
    };
    put("blocking", Means::Blocking(blocking));
    let pool = PoolVfs::new();
    put("pool", Means::Each(open(&pool)?));
    put("pool_batch", Means::Batch(open(&pool)?));
    match crate::io::default::ring() {
        Ok(ring) => {
            put("ring", Means::Each(open(&*ring)?));
            put("ring_batch", Means::Batch(open(&*ring)?));
        }
        Err(why) if !direct => skipped.push(format!("io_uring: {why}")),
        Err(_) => {}
    }
    Ok(())
}

fn filled(size: usize) -> Buf {
    let mut buf = Buf::aligned(size);
    buf.fill(0xA5);
    buf
}

impl Contender {
    /// One group of operations, all of them awaited.
    fn run(&mut self, direction: Direction, group: &[u64]) -> Result<()> {
        let idle = self.bufs.split_off(group.len());
        let bufs = std::mem::replace(&mut self.bufs, idle);
        let requests: Vec<(Buf, u64)> = bufs.into_iter().zip(group.iter().copied()).collect();
        let transfers: Vec<Transfer> = match (&self.means, direction) {
            (Means::Blocking(open), Direction::Read) => {
                requests.into_iter().map(|(buf, at)| open.read(buf, at)).collect()
            }
            (Means::Blocking(open), Direction::Write) => {
                requests.into_iter().map(|(buf, at)| open.write(buf, at)).collect()
            }
            (Means::Batch(file), Direction::Read) => file.read_batch(requests).wait()?,
            (Means::Batch(file), Direction::Write) => file.write_batch(requests).wait()?,
            (Means::Each(file), _) => {
                let begin = |(buf, at)| match direction {
                    Direction::Read => file.read_at(buf, at),
                    Direction::Write => file.write_at(buf, at),
                };
                let begun: Vec<Completion<Transfer>> = requests.into_iter().map(begin).collect();
                begun.into_iter().map(Completion::wait).collect::<Result<_>>()?
            }
        };
        for transfer in transfers {
            self.bufs.push(transfer.whole()?);
        }
        if direction == Direction::Write {
            match &self.means {
                Means::Blocking(open) => open.sync(Sync::Data)?,
                Means::Each(file) | Means::Batch(file) => file.sync(Sync::Data).wait()?,
            }
        }
        Ok(())
    }
}

fn report(dir: &Path, work: &Work, contenders: Vec<Contender>, skipped: Vec<String>) -> Comparison {
    let mut ways: Vec<Way> = contenders.into_iter().map(|c| figures(c, work.iterations)).collect();
    for direct in [false, true] {
        let base = ways.iter().find(|way| way.direct == direct).map_or(1.0, |way| way.micros);
        for way in ways.iter_mut().filter(|way| way.direct == direct) {
            way.speedup = base / way.micros;
        }
    }
    Comparison {
        operation: work.direction.name().to_owned(),
        iterations: work.iterations,
        size: work.size,
        concurrency: work.concurrency,
        rounds: ROUNDS,
        file_bytes: work.file_bytes(),
        directory: dir.display().to_string(),
        ways,
        skipped,
    }
}

fn figures(contender: Contender, iterations: usize) -> Way {
    let mut rounds = contender.rounds;
    rounds.sort_by(f64::total_cmp);
    let micros = |seconds: f64| seconds * 1e6 / iterations as f64;
    // An odd number of rounds, so one is in the middle; time always passes.
    let median = micros(rounds[rounds.len() / 2]).max(f64::MIN_POSITIVE);
    Way {
        name: contender.name.to_owned(),
        direct: contender.direct,
        micros: median,
        fastest: micros(rounds[0]),
        slowest: micros(rounds[rounds.len() - 1]),
        ops_per_second: 1e6 / median,
        speedup: 1.0,
    }
}
