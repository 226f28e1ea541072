//! Who is compared, and what each needs in its environment.

use anyhow::{Result, bail};

/// What of this repository a peer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Built {
    Nothing,
    /// The package.
    Package,
    /// The extension module in a folder, for comparison only.
    Extension(&'static str),
}

/// One peer; `python/bench/contenders.py` has the ways in which it takes part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// As the driver calls it.
    pub(super) name: &'static str,
    /// What pip installs.
    pub(super) packages: &'static [&'static str],
    /// What is built here.
    pub(super) built: Built,
    /// Whether a quick run has it.
    quick: bool,
}

const fn peer(name: &'static str, packages: &'static [&'static str], quick: bool) -> Peer {
    Peer { name, packages, built: Built::Nothing, quick }
}

/// In the order in which they are shown.
static PEERS: [Peer; 11] = [
    peer("dict", &[], true),
    peer("sqlite3", &[], true),
    peer("shelve", &[], false),
    peer("sqlitedict", &["sqlitedict>=2.1,<3", "setuptools"], false),
    peer("diskcache", &["diskcache>=5.6,<6"], false),
    peer("aiosqlite", &["aiosqlite>=0.20,<1"], true),
    Peer { name: "hop", packages: &[], built: Built::Extension("python/bench/hop"), quick: false },
    peer("rocksdict", &["rocksdict>=0.3.23,<0.4"], false),
    peer("lmdb", &["lmdb>=1.4"], false),
    peer("dictsqlite-2.1.3", &["dictsqlite==2.1.3"], true),
    Peer { name: "dictsqlite", packages: &[], built: Built::Package, quick: true },
];

/// The peers named, with commas between, in our order; those of the kind of run if none is.
pub(super) fn chosen(names: Option<&str>, quick: bool) -> Result<Vec<&'static Peer>> {
    let Some(names) = names else {
        return Ok(PEERS.iter().filter(|peer| peer.quick || !quick).collect());
    };
    let names: Vec<_> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !PEERS.iter().any(|p| p.name == **name)) {
        let known: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
        bail!("no peer `{unknown}`, only {}", known.join(", "));
    }
    if names.is_empty() {
        bail!("which peers?");
    }
    Ok(PEERS.iter().filter(|peer| names.contains(&peer.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: Option<&str>, quick: bool) -> Vec<&'static str> {
        chosen(wanted, quick).expect("known").iter().map(|peer| peer.name).collect()
    }

    #[test]
    fn a_quick_run_has_few_and_names_have_the_last_word() {
        assert_eq!(names(None, false).len(), PEERS.len());
        assert_eq!(
            names(None, true),
            ["dict", "sqlite3", "aiosqlite", "dictsqlite-2.1.3", "dictsqlite"]
        );
        assert_eq!(names(Some("lmdb, dict,"), true), ["dict", "lmdb"]);
    }

    #[test]
    fn an_unknown_peer_is_named_with_the_known() {
        let message = chosen(Some("dict,redis"), false).expect_err("unknown").to_string();
        assert!(message.contains("`redis`") && message.contains("rocksdict"), "{message}");
        assert!(chosen(Some(","), false).is_err());
    }
}
