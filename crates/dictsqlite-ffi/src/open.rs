//! Opening: options by their names, each refused by name when it is absurd.

use std::str::FromStr;
use std::time::Duration;

use crate::raw::{DICTSQLITE_TTL_DEFAULT, DICTSQLITE_TTL_NEVER};
use dictsqlite_core::{Error, ErrorKind, LONGEST_TIMEOUT, Options, Result, StorageMode, Ttl};

/// The names of the options, as they are in every language.
const NAMES: [&str; 13] = [
    "persist_mode",
    "storage_mode",
    "table",
    "buffer_size",
    "flush_interval",
    "cache_bytes",
    "hot_capacity",
    "timeout",
    "ttl",
    "read_only",
    "adopt",
    "memtable_bytes",
    "changes",
];

/// The longest time that can be asked for, in seconds: thirty thousand years.
const MOST_SECONDS: f64 = 1e12;
/// More than any machine has; kept from overflowing sums.
const MOST_CACHE_BYTES: u64 = 1 << 48;

/// The engine's options; those not named have their defaults.
pub(crate) fn options(named: &[(&str, &str)]) -> Result<Options> {
    let mut options = Options::default();
    let mut seen = Vec::new();
    for &(name, value) in named {
        // As Python's option is called, whose name is older.
        let name = if name == "table_name" { "table" } else { name };
        if seen.contains(&name) {
            return Err(invalid(format!("option {name:?} is given twice")));
        }
        seen.push(name);
        set(&mut options, name, value)?;
    }
    Ok(options)
}

fn set(options: &mut Options, name: &str, value: &str) -> Result<()> {
    match name {
        "persist_mode" => options.persist_mode = value.parse()?,
        "storage_mode" => options.storage_mode = storage_mode(value)?,
        "table" => options.table = value.to_owned(),
        "buffer_size" => options.buffer_size = number(name, value, "a whole number from 0 on")?,
        "flush_interval" => {
            options.flush_interval = seconds(name, value)?
                .ok_or_else(|| wrong(name, value, "a number of seconds, from 0.001 to 3600"))?;
        }
        "cache_bytes" => {
            let bytes: u64 = number(name, value, "a whole number from 0 on")?;
            options.cache_bytes = bytes.min(MOST_CACHE_BYTES);
        }
        "hot_capacity" => options.hot_capacity = number(name, value, "a whole number from 0 on")?,
        "timeout" => options.timeout = seconds(name, value)?.unwrap_or(LONGEST_TIMEOUT),
        "ttl" => options.ttl = seconds(name, value)?,
        "read_only" => options.read_only = number(name, value, "true or false")?,
        "adopt" => options.adopt = number(name, value, "true or false")?,
        "memtable_bytes" => options.memtable_bytes = number(name, value, "a whole number")?,
        "changes" => options.changes = Some(number(name, value, "true or false")?),
        "encryption_password" => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this build does not encrypt; leave encryption_password out",
            ));
        }
        _ => {
            let names = NAMES.join(", ");
            return Err(invalid(format!("unknown option {name:?}; the options are: {names}")));
        }
    }
    Ok(())
}

/// A codec by its name.
pub(crate) fn storage_mode(name: &str) -> Result<StorageMode> {
    let mode = name.parse()?;
    check_storage(mode)?;
    Ok(mode)
}

/// Refuses the codec that only Python can write.
pub(crate) fn check_storage(mode: StorageMode) -> Result<()> {
    if mode == StorageMode::Pickle {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a table of pickles is read and written by Python only; use bytes, json or jsonb",
        ));
    }
    Ok(())
}

/// A time to live as it is handed to a call, in milliseconds.
pub(crate) fn ttl(ms: i64) -> Result<Ttl> {
    match ms {
        DICTSQLITE_TTL_DEFAULT => Ok(Ttl::Default),
        DICTSQLITE_TTL_NEVER => Ok(Ttl::Never),
        _ => match u64::try_from(ms) {
            Ok(ms) if ms > 0 => Ok(Ttl::After(Duration::from_millis(ms))),
            _ => Err(invalid(format!(
                "ttl is {ms} ms; it must be above 0, or DICTSQLITE_TTL_NEVER or _DEFAULT"
            ))),
        },
    }
}

fn number<T: FromStr>(name: &str, value: &str, expected: &str) -> Result<T> {
    value.parse().map_err(|_| wrong(name, value, expected))
}

/// Seconds; `none` and `inf` stand for "without end".
fn seconds(name: &str, value: &str) -> Result<Option<Duration>> {
    if value == "none" || value == "inf" {
        return Ok(None);
    }
    let seconds: f64 = number(name, value, "a number of seconds, or none")?;
    if !(0.0..=MOST_SECONDS).contains(&seconds) {
        return Err(invalid(format!(
            "{name} is {value}; it is a number of seconds, from 0 to {MOST_SECONDS:e}"
        )));
    }
    Ok(Some(Duration::from_secs_f64(seconds)))
}

fn wrong(name: &str, value: &str, expected: &str) -> Error {
    let shown: String = value.chars().take(60).collect();
    invalid(format!("{name} is {shown:?}; it must be {expected}"))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dictsqlite_core::PersistMode;

    #[test]
    fn every_option_is_known_by_its_name() {
        for name in NAMES {
            let refused = options(&[(name, "\u{1}")]).map(drop);
            let message = refused.map_err(|e| e.to_string());
            assert!(
                !message.as_ref().is_err_and(|said| said.contains("unknown option")),
                "{name}: {message:?}"
            );
        }
        let all = options(&[
            ("persist_mode", "lazy"),
            ("storage_mode", "jsonb"),
            ("table_name", "t"),
            ("buffer_size", "7"),
            ("flush_interval", "0.5"),
            ("cache_bytes", "99999999999999999"),
            ("hot_capacity", "0"),
            ("timeout", "inf"),
            ("ttl", "2"),
            ("read_only", "true"),
            ("adopt", "false"),
            ("memtable_bytes", "70000"),
            ("changes", "true"),
        ])
        .expect("valid");
        assert_eq!(all.persist_mode, PersistMode::Lazy);
        assert_eq!(all.storage_mode, StorageMode::Jsonb);
        assert_eq!((all.table.as_str(), all.buffer_size, all.hot_capacity), ("t", 7, 0));
        assert_eq!(all.flush_interval, Duration::from_millis(500));
        assert_eq!(all.cache_bytes, MOST_CACHE_BYTES);
        assert_eq!(all.timeout, LONGEST_TIMEOUT);
        assert_eq!(all.ttl, Some(Duration::from_secs(2)));
        assert!(all.read_only && !all.adopt);
        assert_eq!((all.memtable_bytes, all.changes), (70_000, Some(true)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (name, value, says) in [
            ("bufer_size", "1", "the options are: persist_mode"),
            ("buffer_size", "-1", "buffer_size is \"-1\""),
            ("timeout", "nan", "timeout is nan"),
            ("timeout", "-1", "timeout is -1"),
            ("read_only", "yes", "true or false"),
            ("persist_mode", "eager", "use one of: memory"),
            ("storage_mode", "pickle", "Python only"),
            ("encryption_password", "x", "does not encrypt"),
        ] {
            let message = options(&[(name, value)]).map(drop).expect_err("refused").to_string();
            assert!(message.contains(says), "{name}: {message}");
        }
        assert!(options(&[("ttl", "1"), ("ttl", "2")]).is_err());
        assert!(options(&[("table", "a"), ("table_name", "a")]).is_err());
        for (ms, fine) in [
            (1, true),
            (DICTSQLITE_TTL_DEFAULT, true),
            (DICTSQLITE_TTL_NEVER, true),
            (0, false),
            (-1, false),
        ] {
            assert_eq!(ttl(ms).is_ok(), fine, "{ms}");
        }
    }
}
