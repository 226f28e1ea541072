//! Random reads of a file in the page cache, many at a time: the back ends side by side, and `tokio::fs`.
//!
//! `cargo bench --bench io`: rounds of all ways one after another, medians, and the ratios that are kept.

use std::sync::Arc;
use std::time::Instant;

use dictsqlite_core::io::{
    AsyncFile, AsyncVfs, Buf, DefaultVfs, OpenOptions, PoolVfs, compare_read_performance_in,
    compare_write_performance_in,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

const PAGE: usize = 4096;
const PAGES: u64 = 16_384;
const IN_FLIGHT: usize = 64;
const GROUPS: usize = 100;
const ROUNDS: usize = 11;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// What happens to be next; the same for every way of a round.
struct Places(u64);

impl Places {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % PAGES * PAGE as u64
    }
}

async fn each(file: &Arc<dyn AsyncFile>, places: &mut Places, bufs: &mut Vec<Buf>) -> Fallible<()> {
    let begun: Vec<_> = bufs.drain(..).map(|buf| file.read_at(buf, places.next())).collect();
    for read in begun {
        bufs.push(read.await?.whole()?);
    }
    Ok(())
}

async fn batch(
    file: &Arc<dyn AsyncFile>,
    places: &mut Places,
    bufs: &mut Vec<Buf>,
) -> Fallible<()> {
    let requests = bufs.drain(..).map(|buf| (buf, places.next())).collect();
    for read in file.read_batch(requests).await? {
        bufs.push(read.whole()?);
    }
    Ok(())
}

#[cfg(unix)]
fn read_exact_at(file: &std::fs::File, buf: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, at)
}

#[cfg(windows)]
fn read_exact_at(file: &std::fs::File, buf: &mut [u8], at: u64) -> std::io::Result<()> {
    // A read of a whole file's page is never cut short.
    std::os::windows::fs::FileExt::seek_read(file, buf, at).map(drop)
}

/// One hand-off to tokio's pool for each read of a shared file.
async fn spawn_blocking(
    file: &Arc<std::fs::File>,
    places: &mut Places,
    bufs: &mut Vec<Vec<u8>>,
) -> Fallible<()> {
    let begun: Vec<_> = bufs
        .drain(..)
        .map(|mut buf| {
            let (file, at) = (Arc::clone(file), places.next());
            tokio::task::spawn_blocking(move || read_exact_at(&file, &mut buf, at).map(|()| buf))
        })
        .collect();
    for task in begun {
        bufs.push(task.await??);
    }
    Ok(())
}

/// `tokio::fs` has a cursor, so each operation in flight needs a file of its own.
async fn tokio_fs(
    files: &mut Vec<(tokio::fs::File, Vec<u8>)>,
    places: &mut Places,
) -> Fallible<()> {
    let begun: Vec<_> = files
        .drain(..)
        .map(|(mut file, mut buf)| {
            let at = places.next();
            tokio::spawn(async move {
                file.seek(std::io::SeekFrom::Start(at)).await?;
                file.read_exact(&mut buf).await?;
                Ok::<_, std::io::Error>((file, buf))
            })
        })
        .collect();
    for task in begun {
        files.push(task.await??);
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Fallible<()> {
    let quick = std::env::args().any(|argument| argument == "--test");
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("pages");
    std::fs::write(&path, vec![0x5A; PAGE * PAGES as usize])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let (pool, ring) = (PoolVfs::new(), DefaultVfs::new());
    if let Some(why) = ring.fallback() {
        println!("SKIPPED: no io_uring: {why}");
        return Ok(());
    }
    let pool = pool.open(&path, &OpenOptions::read()).wait()?;
    let ring = ring.open(&path, &OpenOptions::read()).wait()?;
    let mut bufs: Vec<Buf> = std::iter::repeat_with(|| Buf::zeroed(PAGE)).take(IN_FLIGHT).collect();
    let mut files = Vec::new();
    for _ in 0..IN_FLIGHT {
        files.push((runtime.block_on(tokio::fs::File::open(&path))?, vec![0; PAGE]));
    }
    let shared = Arc::new(std::fs::File::open(&path)?);
    let mut plain = vec![vec![0; PAGE]; IN_FLIGHT];
    let names =
        ["pool, each", "pool, batch", "ring, each", "ring, batch", "tokio::fs", "spawn_blocking"];
    let (rounds, groups) = if quick { (1, 2) } else { (ROUNDS, GROUPS) };
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for round in 0..=rounds {
        for (way, times) in times.iter_mut().enumerate() {
            let mut places = Places(round as u64);
            let began = Instant::now();
            runtime.block_on(async {
                for _ in 0..groups {
                    match way {
                        0 => each(&pool, &mut places, &mut bufs).await?,
                        1 => batch(&pool, &mut places, &mut bufs).await?,
                        2 => each(&ring, &mut places, &mut bufs).await?,
                        3 => batch(&ring, &mut places, &mut bufs).await?,
                        4 => tokio_fs(&mut files, &mut places).await?,
                        _ => spawn_blocking(&shared, &mut places, &mut plain).await?,
                    }
                }
                Ok::<_, Box<dyn std::error::Error>>(())
            })?;
            // The first round is for what happens once.
            if round > 0 {
                times.push(began.elapsed().as_secs_f64() * 1e6 / (groups * IN_FLIGHT) as f64);
            }
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    println!("{PAGE}-byte random reads, page cache, {IN_FLIGHT} in flight, under tokio");
    for (name, micros) in names.iter().zip(&medians) {
        println!("{name:<14} {micros:>8.2} us/read");
    }
    println!("ring, each  / pool, each: {:.2}x as fast", medians[0] / medians[2]);
    println!("ring, batch / pool, each: {:.2}x as fast", medians[0] / medians[3]);
    println!("pool, batch / pool, each: {:.2}x as fast", medians[0] / medians[1]);
    println!("ring, each  / tokio::fs:  {:.2}x as fast", medians[4] / medians[2]);
    println!("ring, batch / tokio::fs:  {:.2}x as fast", medians[4] / medians[3]);
    println!("ring, each  / tokio's spawn_blocking: {:.2}x as fast\n", medians[5] / medians[2]);
    let iterations = if quick { 64 } else { 6_400 };
    let reading = compare_read_performance_in(dir.path(), iterations, PAGE, IN_FLIGHT)?;
    println!("{}", reading.summary());
    let writing = compare_write_performance_in(dir.path(), iterations / 4, PAGE, IN_FLIGHT)?;
    println!("{}", writing.summary());
    Ok(())
}
