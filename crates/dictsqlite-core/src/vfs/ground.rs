//! What file system a database is on: SQLite's WAL mode needs shared memory between all who use the
//! file, which drives of other machines do not give.

#![allow(unsafe_code)] // `statfs` has no safe interface.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))] // Elsewhere everything is taken for local.

use std::path::Path;

/// What may be done on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Everything.
    Local,
    /// Whoever serves it may change files behind the shared memory: nothing is cached.
    Doubtful,
    /// A drive of another machine, by its name: nothing.
    Network(&'static str),
}

/// The magic numbers of Linux's `statfs(2)`.
const NETWORK: [(i64, &str); 10] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
];
/// Files of a virtual machine's or a container's host.
const NINE_P: i64 = 0x0102_1997;
const FUSE: i64 = 0x6573_5546;
/// File systems in user space that are drives of other machines, as `/proc/mounts` names them.
const NETWORK_FUSE: [&str; 10] = [
    "fuse.sshfs",
    "fuse.s3fs",
    "fuse.rclone",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.ceph-fuse",
    "fuse.juicefs",
    "fuse.davfs",
    "fuse.curlftpfs",
    "fuse.smbnetfs",
];

/// The decision, by the number `statfs` gives and, for those in user space, the name in the table of
/// mounts.
fn judged(magic: i64, fuse: impl FnOnce() -> Option<String>) -> Ground {
    // Some targets sign-extend 32 bits.
    let magic = magic & 0xFFFF_FFFF;
    if let Some((_, name)) = NETWORK.iter().find(|(number, _)| *number == magic) {
        return Ground::Network(name);
    }
    match magic {
        NINE_P => Ground::Doubtful,
        FUSE => {
            let name = fuse().unwrap_or_default();
            let network = NETWORK_FUSE.iter().find(|network| **network == name);
            network.map_or(Ground::Doubtful, |name| Ground::Network(name))
        }
        _ => Ground::Local,
    }
}

/// The type of the mount that `path` is on, from the text of `/proc/self/mountinfo`.
fn mount_type(mounts: &str, path: &Path) -> Option<String> {
    let of = |line: &str| -> Option<(usize, String)> {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        let kind = after.split(' ').next()?;
        path.starts_with(&point).then(|| (point.len(), kind.to_owned()))
    };
    // The last one of those mounted at one place hides the others.
    mounts.lines().filter_map(of).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// What the file at `path` is on; what cannot be found out is taken for local.
#[cfg(target_os = "linux")]
pub(crate) fn of(path: &Path) -> Ground {
    use std::os::unix::ffi::OsStrExt;

    let Ok(text) = std::ffi::CString::new(path.as_os_str().as_bytes()) else {
        return Ground::Local;
    };
    // SAFETY: zeroes are a valid `statfs`, which the call fills; the path is a C string.
    let magic = unsafe {
        let mut stat: libc::statfs = std::mem::zeroed();
        if libc::statfs(text.as_ptr(), &raw mut stat) != 0 {
            return Ground::Local;
        }
        #[allow(clippy::unnecessary_cast)] // Its type is not the same on every target.
        let magic = stat.f_type as i64;
        magic
    };
    judged(magic, || {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        mount_type(&mounts, &std::fs::canonicalize(path).ok()?)
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of(_path: &Path) -> Ground {
    Ground::Local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_of_other_machines_are_told_apart() {
        let none = || None;
        for (magic, name) in [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (-11_317_950, "CIFS")] {
            assert_eq!(judged(magic, none), Ground::Network(name), "{magic:x}");
        }
        // ext4, btrfs, xfs, tmpfs, overlayfs, zfs, f2fs.
        for magic in [0xEF53, 0x9123_683E, 0x5846_5342, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1, 0] {
            assert_eq!(judged(magic, none), Ground::Local, "{magic:x}");
        }
        assert_eq!(judged(0x0102_1997, none), Ground::Doubtful);
        let fuse = |name: &'static str| judged(0x6573_5546, || Some(name.to_owned()));
        assert_eq!(fuse("fuse.sshfs"), Ground::Network("fuse.sshfs"));
        assert_eq!(fuse("fuseblk"), Ground::Doubtful);
        assert_eq!(judged(0x6573_5546, none), Ground::Doubtful);
    }

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "\
            22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            40 22 0:35 / /data/me/far rw,nosuid - fuse.sshfs me@there:/ rw\n\
            41 22 0:36 / /data/me/with\\040space rw - fuse.rclone r: rw\n\
            42 40 0:37 / /data/me/far/near rw - tmpfs tmpfs rw";
        let kind = |path: &str| mount_type(mounts, Path::new(path));
        assert_eq!(kind("/etc/a.db").as_deref(), Some("ext4"));
        assert_eq!(kind("/data/me/far/a.db").as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind("/data/me/farther/a.db").as_deref(), Some("ext4"));
        assert_eq!(kind("/data/me/with space/a.db").as_deref(), Some("fuse.rclone"));
        assert_eq!(kind("/data/me/far/near/a.db").as_deref(), Some("tmpfs"));
    }

    #[test]
    fn what_this_runs_on_is_not_a_network() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(!matches!(of(dir.path()), Ground::Network(_)));
    }
}
