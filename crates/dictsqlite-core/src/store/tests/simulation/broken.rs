//! Builds that are broken on purpose. A check that would pass them checks nothing.

use super::history::{Flaw, Kind};
use super::play;

/// Plays histories until a broken promise is found, and gives the words.
fn found(kind: Kind, flaw: Flaw) -> String {
    let (failures, _) = play(kind, flaw, 400, |seed| seed);
    let (_, why) = failures.into_iter().next().expect("the flaw is found in 400 histories");
    why
}

#[test]
fn a_build_that_does_not_sync_its_log_is_found() {
    // One fsync less, and `durable` is a word.
    let why = found(Kind::PowerCut, Flaw::LogNotSynced);
    let words = ["durable", "damaged", "prefix", "the counter is"];
    assert!(words.iter().any(|word| why.contains(word)), "{why}");
}

#[test]
fn a_build_that_syncs_nothing_is_found() {
    let why = found(Kind::PowerCut, Flaw::NothingSynced);
    assert!(!why.contains("panicked"), "{why}");
}

#[test]
fn a_build_that_splits_batches_is_found() {
    // Half a batch is no state that ever was.
    let why = found(Kind::PowerCut, Flaw::SplitBatches);
    assert!(why.contains("no prefix"), "{why}");
}

#[test]
fn a_build_that_lets_writes_overtake_is_found() {
    // On a busy machine another history is done first, in which a durable write was the one overtaken.
    let why = found(Kind::Kill, Flaw::Overtaking);
    assert!(why.contains("no prefix") || why.contains("acknowledged as durable"), "{why}");
}

#[test]
fn a_build_that_gives_numbers_twice_is_found() {
    let why = found(Kind::PowerCut, Flaw::CounterLost);
    assert!(why.contains("new version"), "{why}");
}

#[test]
fn a_build_that_commits_a_transaction_as_two_is_found() {
    // Half a transaction is no state that ever was.
    let why = found(Kind::PowerCut, Flaw::SplitTransactions);
    assert!(why.contains("no prefix"), "{why}");
}

#[test]
fn a_build_that_acknowledges_a_commit_before_its_sync_is_found() {
    // Everything else on a durable handle is synced: only a transaction can tell.
    let why = found(Kind::PowerCut, Flaw::EarlyCommits);
    assert!(why.contains("acknowledged as durable"), "{why}");
}

#[test]
fn a_build_that_overlooks_conflicts_is_found() {
    let why = found(Kind::PowerCut, Flaw::ConflictsMissed);
    assert!(why.contains("over what others wrote"), "{why}");
}

#[test]
fn a_build_whose_backups_are_of_two_moments_is_found() {
    let why = found(Kind::PowerCut, Flaw::TwoMoments);
    assert!(why.contains("a backup: what is left is no prefix"), "{why}");
}
