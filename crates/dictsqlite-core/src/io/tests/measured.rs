//! The comparison of the back ends: that it measures what it says, and leaves nothing behind.

use super::*;

#[test]
fn every_way_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let reading = compare_read_performance_in(dir.path(), 100, 4096, 16).unwrap();
    let writing = compare_write_performance_in(dir.path(), 40, 4096, 16).unwrap();
    for (compared, operation) in [(reading, "read"), (writing, "write")] {
        assert_eq!(compared.operation, operation);
        let names: Vec<&str> = compared.ways.iter().map(|way| &*way.name).collect();
        let ring = DefaultVfs::new().kind() == Kind::Uring;
        let mut expected = vec!["blocking", "pool", "pool_batch"];
        if ring {
            expected.extend(["ring", "ring_batch"]);
        }
        assert_eq!(names[..expected.len()], expected);
        for way in &compared.ways {
            assert!(way.micros > 0.0 && way.fastest <= way.micros && way.micros <= way.slowest);
            let per_second = way.ops_per_second * way.micros / 1e6;
            assert!((per_second - 1.0).abs() < 1e-6);
        }
        assert!((compared.way("blocking", false).unwrap().speedup - 1.0).abs() < 1e-9);
        let text = compared.summary();
        for name in expected {
            assert!(text.contains(name), "{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&compared.to_json().unwrap()).unwrap();
        assert_eq!(json["ways"][0]["name"], "blocking");
        assert_eq!(json["operation"], operation);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the files are gone");
}

#[test]
fn odd_sizes_are_measured_through_the_page_cache_only() {
    let compared = compare_read_performance(10, 100, 3).unwrap();
    assert!(compared.ways.iter().all(|way| !way.direct));
    assert!(compared.skipped.iter().any(|why| why.contains("multiple of 4096")));
    let one = compare_write_performance_async(1, 1, 1).wait().unwrap();
    assert_eq!((one.iterations, one.file_bytes), (1, 1));
    let awaited = smol::block_on(compare_read_performance_async(5, 4096, 8)).unwrap();
    assert_eq!(awaited.file_bytes, 8 * 4096);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (iterations, size, concurrency) in [
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
        (1, usize::MAX, 2),
        (usize::MAX, 1, 1),
        (1, 1 << 20, 1 << 20),
    ] {
        let refused = compare_read_performance(iterations, size, concurrency);
        assert_eq!(kind(refused), ErrorKind::Invalid);
    }
    let nowhere = compare_read_performance_in("/no/such/directory".as_ref(), 1, 1, 1);
    assert_eq!(kind(nowhere), ErrorKind::Io);
}
