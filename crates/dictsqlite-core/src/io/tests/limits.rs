//! The pool: how many threads it has, and what becomes of jobs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::pool::Pool;
use super::*;

#[test]
fn jobs_run_at_the_same_time_up_to_the_limit() {
    let pool = Pool::new(3);
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..30)
        .map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            pool.ask(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        })
        .collect();
    jobs.into_iter().for_each(|job| job.wait().unwrap());
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[test]
fn a_job_that_panics_is_reported_and_the_pool_goes_on() {
    let pool = Pool::new(1);
    let lost = pool.ask::<()>(|| panic!("a panic on purpose"));
    assert_eq!(kind(lost.wait()), ErrorKind::Internal);
    assert_eq!(pool.ask(|| Ok(7)).wait().unwrap(), 7);
}

#[test]
fn a_pool_that_is_dropped_does_what_it_took() {
    let pool = Pool::new(2);
    let jobs: Vec<_> = (0..100).map(|i| pool.ask(move || Ok(i))).collect();
    drop(pool);
    for (i, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.wait().unwrap(), i);
    }
}
