use std::fs;
use std::time::Duration;

use super::{Place, contents, fill};
use crate::{
    ErrorKind, ExportFormat, ExportOptions, ImportOptions, Key, OnConflict, Progress, StorageMode,
};

fn on_conflict(on_conflict: OnConflict) -> ImportOptions {
    ImportOptions { on_conflict, ..ImportOptions::default() }
}

/// A store of some entries and its export.
fn exported(format: ExportFormat) -> (Place, Vec<u8>) {
    let place = Place::new();
    let dict = place.open("a.db");
    for n in 0..20_i64 {
        dict.set(n, format!("value {n}").as_bytes()).unwrap();
    }
    let options = ExportOptions { format, ..ExportOptions::default() };
    dict.export(place.path("export"), &options).unwrap();
    let bytes = fs::read(place.path("export")).unwrap();
    (place, bytes)
}

#[test]
fn a_cut_short_export_is_refused_and_nothing_of_it_imported() {
    for format in [ExportFormat::JsonLines, ExportFormat::Binary] {
        let (place, whole) = exported(format);
        let copy = place.open("copy.db");
        // A last line without its newline is whole.
        let least = usize::from(format == ExportFormat::JsonLines);
        for length in (0..whole.len() - least).step_by(7).chain([whole.len() - least - 1]) {
            fs::write(place.path("export"), &whole[..length]).unwrap();
            let error = copy.import(place.path("export"), &ImportOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}: {error}");
            assert!(error.message().contains("nothing was imported"), "{error}");
            assert_eq!(copy.len().unwrap(), 0, "{length}");
        }
        fs::write(place.path("export"), whole).unwrap();
        copy.import(place.path("export"), &ImportOptions::default()).unwrap();
        assert_eq!(copy.len().unwrap(), 20);
    }
}

#[test]
fn no_byte_of_a_binary_export_can_change_unseen() {
    let (place, whole) = exported(ExportFormat::Binary);
    let copy = place.open("copy.db");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(place.path("export"), &damaged).unwrap();
        let error = copy.import(place.path("export"), &ImportOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}: {error}");
    }
    let place_named = |at: usize| {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(place.path("export"), &damaged).unwrap();
        let error = copy.import(place.path("export"), &ImportOptions::default()).unwrap_err();
        error.message().to_owned()
    };
    assert!(place_named(whole.len() - 40).contains("entry 20 at byte"));
    assert_eq!(copy.len().unwrap(), 0);
}

#[test]
fn what_is_wrong_with_a_line_is_said_with_its_number() {
    let place = Place::new();
    let dict = place.open("a.db");
    let head = r#"{"dictsqlite":"export","format":1,"tables":{"main":"bytes","j":"json"}}"#;
    let refused = |text: &str| {
        fs::write(place.path("export"), text).unwrap();
        let error = dict.import(place.path("export"), &ImportOptions::default()).unwrap_err();
        assert_eq!(dict.len().unwrap(), 0);
        (error.kind(), error.message().to_owned())
    };
    let good = r#"{"t":"main","k":"a","v":"dg=="}"#;
    for (line, says) in [
        ("{", "no entry"),
        ("[]", "no entry"),
        (r#"{"t":"main","k":"a"}"#, "no \"v\""),
        (r#"{"t":"main","v":"dg=="}"#, "no \"k\""),
        (r#"{"k":"a","v":"dg=="}"#, "no \"t\""),
        (r#"{"t":"none","k":"a","v":"dg=="}"#, "does not name a table \"none\""),
        (r#"{"t":"main","k":1.5,"v":"dg=="}"#, "the key is no string"),
        (r#"{"t":"main","k":null,"v":"dg=="}"#, "the key is no string"),
        (r#"{"t":"main","k":[[1]],"v":"dg=="}"#, "holds no tuple"),
        (r#"{"t":"main","k":{"b":"?"},"v":"dg=="}"#, "no base64"),
        (r#"{"t":"main","k":"a","v":"?"}"#, "no base64"),
        (r#"{"t":"main","k":"a","v":1}"#, "base64 in a string"),
        (r#"{"t":"main","k":"a","v":"dg==","x":"soon"}"#, "no entry"),
        (r#"{"t":"main","k":"a","v":"dg==","extra":1}"#, "no entry"),
        (r#"{"t":"j","k":"a","v":NaN}"#, "no entry"),
        (r#"{"end":7}"#, "has 7 entries and has 1"),
        (r#"{"end":"soon"}"#, "a number of entries"),
    ] {
        let (kind, message) = refused(&format!("{head}\n{good}\n\n{line}\n{{\"end\":2}}\n"));
        assert_eq!(kind, ErrorKind::Corrupt, "{line}: {message}");
        assert!(message.contains("line 4") && message.contains(says), "{line}: {message}");
    }
    assert!(refused(&format!("{head}\n{good}\n")).1.contains("{\"end\":null}"));
    assert!(refused(&format!("{head}\n{{\"end\":0}}\n{good}\n")).1.contains("behind the line"));
    assert!(refused("").1.contains("line 1"));
    assert!(refused("key,value\n1,2\n").1.contains("no export"));
    let newer = head.replace("\"format\":1", "\"format\":2");
    assert!(refused(&format!("{newer}\n{{\"end\":0}}\n")).1.contains("format 1 to 1"));
    let unknown = head.replace("bytes", "yaml");
    assert!(refused(&format!("{unknown}\n{{\"end\":0}}\n")).1.contains("pickle"));
    assert_eq!(dict.tables().unwrap().len(), 1, "no table was made for what was refused");
    // As people write it.
    let text = format!(
        "{head}\r\n {{ \"t\" : \"j\", \"v\" : {{ \"a\" : null }}, \"k\" : [1, \"b\"] }} \r\n{{\"end\":null}}"
    );
    fs::write(place.path("export"), text).unwrap();
    dict.import(place.path("export"), &ImportOptions::default()).unwrap();
    let entry =
        (Key::Tuple(vec![Key::Int(1), Key::Text("b".into())]), b"{ \"a\" : null }".to_vec(), None);
    assert_eq!(contents(&dict.table("j", None).unwrap()), [entry]);
}

#[test]
fn entries_that_are_there_are_replaced_kept_or_refused() {
    let (place, _) = exported(ExportFormat::Binary);
    let copy = place.open("copy.db");
    copy.set(7_i64, b"mine").unwrap();
    let file = place.path("export");
    let error = copy.import(&file, &on_conflict(OnConflict::Error)).unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Conflict, Some(&Key::Int(7))));
    assert!(error.message().contains("entry 8"), "{error}");
    assert_eq!(copy.len().unwrap(), 1);
    let done = copy.import(&file, &on_conflict(OnConflict::Skip)).unwrap();
    assert_eq!((done.read, done.written, done.skipped), (20, 19, 1));
    assert_eq!(copy.get(7_i64).unwrap().as_deref(), Some(&b"mine"[..]));
    let done = copy.import(&file, &on_conflict(OnConflict::Replace)).unwrap();
    assert_eq!((done.written, done.skipped), (20, 0));
    assert_eq!(copy.get(7_i64).unwrap().as_deref(), Some(&b"value 7"[..]));
    let fresh = place.open("fresh.db");
    assert_eq!(fresh.import(&file, &on_conflict(OnConflict::Error)).unwrap().written, 20);
    assert_eq!(contents(&fresh), contents(&place.open("a.db")));
}

#[test]
fn a_table_with_another_codec_is_refused_before_anything_is_written() {
    let (place, _) = exported(ExportFormat::JsonLines);
    let other = super::with_codec(&place.path("json.db"), StorageMode::Json);
    let error = other.import(place.path("export"), &ImportOptions::default()).unwrap_err();
    assert!(error.kind() == ErrorKind::Codec && error.message().contains("json"), "{error}");
    let options = crate::Options { read_only: true, ..crate::Options::default() };
    other.close().unwrap();
    let options = crate::Options { storage_mode: StorageMode::Json, ..options };
    let read_only = crate::Dict::open(place.path("json.db"), &options).unwrap();
    let error = read_only.import(place.path("export"), &ImportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    let missing = place.open("copy.db").import(place.path("none"), &ImportOptions::default());
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_cancelled_import_leaves_whole_units() {
    let place = Place::new();
    let dict = place.open("a.db");
    fill(&dict, 20_000, 100);
    dict.export(place.path("export"), &ExportOptions::default()).unwrap();
    let copy = place.open("copy.db");
    // The first half of the way is reading.
    let progress = Progress::new();
    let options = ImportOptions { progress: progress.clone(), ..ImportOptions::default() };
    let import = copy.import_async(place.path("export"), &options);
    while progress.total() == 0 || progress.done() * 10 < progress.total() * 6 {
        std::thread::yield_now();
        if import.is_done() {
            break;
        }
    }
    progress.cancel();
    if let Err(error) = import.wait() {
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(error.message().contains("were imported and stay"), "{error}");
        let there = copy.len().unwrap();
        assert_eq!(there % 1000, 0);
        let expected: Vec<_> = contents(&dict).into_iter().take(there as usize).collect();
        assert_eq!(contents(&copy), expected);
    }
    // It can be done again from the start.
    copy.import(place.path("export"), &ImportOptions::default()).unwrap();
    assert_eq!(contents(&copy), contents(&dict));
}

#[test]
fn a_cancelled_import_has_ended_and_says_what_stays() {
    // Entries whose fate the writer decides went on being written after the import had ended as
    // cancelled, and its error said that nothing was left behind and, in the same breath, what was.
    for way in [OnConflict::Replace, OnConflict::Skip, OnConflict::Error] {
        let (place, _) = exported(ExportFormat::Binary);
        let copy = place.open("copy.db");
        // It is called at every step when each call takes as long as the pause between two.
        let progress = Progress::calling(|done, total| {
            std::thread::sleep(Duration::from_millis(55));
            done * 4 < total * 3 || total == 0
        });
        let options = ImportOptions { progress, ..on_conflict(way) };
        let error = copy.import(place.path("export"), &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{way:?}: {error}");
        copy.flush().unwrap();
        let there = copy.len().unwrap();
        let says =
            format!("the import was cancelled ({there} entries of the file were imported and");
        assert!(error.message().contains(&says), "{way:?}: {error}, and {there} are there");
        assert!(!error.message().contains("left nothing"), "{way:?}: {error}");
        assert!(there < 20, "{way:?}: {there}");
    }
}

#[test]
fn what_waits_for_its_decision_is_withdrawn_by_cancelling() {
    // The decisions were sent to the writer, and nobody took them back.
    let (place, _) = exported(ExportFormat::Binary);
    let copy = place.open("copy.db");
    copy.set("mine", b"v").unwrap();
    copy.flush().unwrap();
    let other = rusqlite::Connection::open(place.path("copy.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let import = copy.import_async(place.path("export"), &on_conflict(OnConflict::Skip));
    std::thread::sleep(Duration::from_millis(200));
    assert!(import.canceller().unwrap().cancel());
    let error = import.wait().unwrap_err();
    assert!(error.message().contains("(0 entries of the file were"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    copy.flush().unwrap();
    assert_eq!(copy.len().unwrap(), 1);
}
