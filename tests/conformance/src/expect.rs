//! Comparing what came with what should have come.
//!
//! Everywhere in an expected result an object with one `$` field stands for something else than
//! itself: `{"$save": "name"}` takes anything and keeps it, `{"$is": "name"}` is what was kept,
//! `{"$above": "name"}` an integer above it, `{"$in_ms": [low, high]}` a time that many milliseconds
//! from now, `{"$any": "text"}` (or `number`) anything of that type, and `{"$has": {...}}` an object
//! with at least these fields.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::bridge::shortened;

/// What was kept under names.
pub(crate) type Kept = BTreeMap<String, Value>;

/// Whether `got` is as `wanted`; otherwise what is wrong with it.
pub(crate) fn compare(wanted: &Value, got: &Value, kept: &mut Kept) -> Result<(), String> {
    let differs = || {
        let (wanted, got) = (shortened(&wanted.to_string()), shortened(&got.to_string()));
        Err(format!("wanted {wanted}, got {got}"))
    };
    match (wanted, got) {
        (Value::Object(pattern), _) if special(pattern).is_some() => {
            let (name, argument) = special(pattern).unwrap_or(("", &Value::Null));
            if matches(name, argument, got, kept)? { Ok(()) } else { differs() }
        }
        (Value::Object(wanted), Value::Object(fields)) => {
            if wanted.len() != fields.len() {
                return differs();
            }
            has(wanted, fields, kept)
        }
        (Value::Array(wanted), Value::Array(items)) => {
            if wanted.len() != items.len() {
                return differs();
            }
            wanted.iter().zip(items).try_for_each(|(wanted, got)| compare(wanted, got, kept))
        }
        _ if wanted == got => Ok(()),
        _ => differs(),
    }
}

fn has(
    wanted: &Map<String, Value>,
    fields: &Map<String, Value>,
    kept: &mut Kept,
) -> Result<(), String> {
    wanted.iter().try_for_each(|(name, wanted)| {
        let got = fields.get(name).ok_or_else(|| format!("no field {name:?}"))?;
        compare(wanted, got, kept).map_err(|wrong| format!("{name}: {wrong}"))
    })
}

fn special(pattern: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = pattern.iter().next().filter(|_| pattern.len() == 1)?;
    Some((name.strip_prefix('$')?, argument))
}

fn matches(name: &str, argument: &Value, got: &Value, kept: &mut Kept) -> Result<bool, String> {
    let named = argument.as_str().unwrap_or_default();
    let saved = |kept: &Kept| {
        kept.get(named).cloned().ok_or_else(|| format!("nothing is kept as {named:?}"))
    };
    Ok(match name {
        "save" => {
            kept.insert(named.to_owned(), got.clone());
            true
        }
        "is" => saved(kept)? == *got,
        "above" => got.as_i64().is_some_and(|got| {
            saved(kept).is_ok_and(|kept| kept.as_i64().is_some_and(|kept| got > kept))
        }),
        "any" => match named {
            "text" => got.is_string(),
            "number" => got.is_i64() || got.is_u64(),
            other => return Err(format!("no type {other:?}")),
        },
        "in_ms" => {
            let bound = |at: usize| argument.get(at).and_then(Value::as_i64);
            let (Some(low), Some(high)) = (bound(0), bound(1)) else {
                return Err("$in_ms is no pair of integers".to_owned());
            };
            got.as_i64().is_some_and(|got| (low..=high).contains(&(got - now_ms())))
        }
        "has" => match (argument, got) {
            (Value::Object(wanted), Value::Object(fields)) => {
                has(wanted, fields, kept)?;
                true
            }
            _ => false,
        },
        other => return Err(format!("no pattern ${other}")),
    })
}

fn now_ms() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A request with `{"$is": "name"}` replaced by what was kept.
pub(crate) fn fill(request: &mut Value, kept: &Kept) -> Result<(), String> {
    match request {
        Value::Object(fields) => {
            if let Some(("is", name)) = special(fields) {
                let name = name.as_str().unwrap_or_default();
                *request = kept
                    .get(name)
                    .cloned()
                    .ok_or_else(|| format!("nothing is kept as {name:?}"))?;
                return Ok(());
            }
            fields.values_mut().try_for_each(|value| fill(value, kept))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|value| fill(value, kept)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(wanted: Value, got: Value) -> bool {
        compare(&wanted, &got, &mut Kept::new()).is_err()
    }

    #[test]
    fn what_differs_is_told_and_what_does_not_is_not() {
        assert!(!wrong(json!({"a": [1, null]}), json!({"a": [1, null]})));
        for (wanted, got) in [
            (json!(1), json!(2)),
            (json!(1), json!(true)),
            (json!([1]), json!([1, 2])),
            (json!({"a": 1}), json!({"a": 1, "b": 2})),
            (json!({"a": null}), json!({"b": null})),
            (json!(i64::MAX), json!(i64::MAX - 1)),
        ] {
            assert!(wrong(wanted.clone(), got.clone()), "{wanted} {got}");
        }
    }

    #[test]
    fn patterns_keep_and_compare() {
        let mut kept = Kept::new();
        compare(&json!({"$save": "v"}), &json!(7), &mut kept).unwrap();
        compare(&json!([{"$is": "v"}, {"$above": "v"}]), &json!([7, 8]), &mut kept).unwrap();
        assert!(compare(&json!({"$above": "v"}), &json!(7), &mut kept).is_err());
        assert!(compare(&json!({"$is": "other"}), &json!(7), &mut kept).is_err());
        compare(&json!({"$has": {"a": {"$any": "number"}}}), &json!({"a": 1, "b": 2}), &mut kept)
            .unwrap();
        assert!(compare(&json!({"$in_ms": [0, 10]}), &json!(now_ms() + 5000), &mut kept).is_err());
        let mut request = json!({"key": {"s": "a"}, "if_version": {"$is": "v"}});
        fill(&mut request, &kept).unwrap();
        assert_eq!(request, json!({"key": {"s": "a"}, "if_version": 7}));
    }
}
