"""Bad ground, one story a run: ground.py STORY DIRECTORY."""

import ctypes
import errno
import os
import resource
import signal
import sys

import dictsqlite

story, directory = sys.argv[1:3]


def mounted(size):
    """A small file system of this process's own; ends with it. Says 77 when that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.makedirs(directory, exist_ok=True)
    private, new_mounts = (1 << 18) | (1 << 14), 0x20000
    if libc.unshare(new_mounts) or libc.mount(b"none", b"/", None, private, None):
        sys.exit(77)
    if libc.mount(b"none", directory.encode(), b"tmpfs", 0, f"size={size}".encode()):
        sys.exit(77)


def limited(size):
    """No file may grow beyond `size`: what a quota does, with the other error number."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def fill_and_free(kinds, make_room, mode, rows):
    """Writes until the ground gives way, makes room, and finds everything that was accepted."""
    path = os.path.join(directory, "store.db")
    db = dictsqlite.open(path, persist_mode=mode, timeout=0.4, flush_interval=0.01, buffer_size=50)
    accepted, refused = {}, 0
    for n in range(rows):
        try:
            db[n] = os.urandom(3000)
        except dictsqlite.DictSQLiteError as e:
            assert isinstance(e, kinds), repr(e)
            assert "not accepted" in str(e) or mode == "durable", e
            refused += 1
            if refused == 2:
                break
        else:
            accepted[n] = db[n]
    try:
        db.flush()
        raise AssertionError("the ground was good")
    except kinds as e:
        assert "free some space" in str(e) or "operating system" in str(e), e
    if mode != "lazy":
        assert refused
    # Everything can be read meanwhile, committed or not.
    assert all(db[n] == value for n, value in accepted.items())
    try:
        db.close()
        raise AssertionError("closed without having committed")
    except kinds:
        assert not db.closed
    make_room()
    db.flush()
    db["after"] = b"room"
    db.close()
    with dictsqlite.open(path) as db:
        found = dict(db.items())
        assert found.pop("after") == b"room"
        lost = [n for n in accepted if found.get(n) != accepted[n]]
        assert not lost, f"{len(lost)} accepted writes lost, the first {lost[0]}"
    # What was refused is not there, except that a durable write may have been accepted and told late.
    assert mode == "durable" or found.keys() == accepted.keys()


if story.startswith("full-"):
    mounted("4m")
    ballast = os.path.join(directory, "ballast")
    with open(ballast, "wb") as file:
        file.write(bytes(2 << 20))

    def remount():
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.mount(b"none", directory.encode(), None, 32, b"size=64m") == 0

    fill_and_free((dictsqlite.FullError,), remount, story.partition("-")[2], 2000)
elif story.startswith("quota-"):
    limited(1 << 20)

    def lift():
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    fill_and_free((dictsqlite.FullError, dictsqlite.IoError), lift, story.partition("-")[2], 2000)
elif story == "fullopen":
    mounted("512k")
    ballast = os.open(os.path.join(directory, "ballast"), os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(ballast, bytes(1024))
    except OSError as e:
        assert e.errno == errno.ENOSPC
    os.close(ballast)
    try:
        dictsqlite.open(os.path.join(directory, "store.db"))
        raise AssertionError("opened on a full disk")
    except (dictsqlite.FullError, dictsqlite.IoError) as e:
        assert "free some space" in str(e) or "operating system" in str(e), e
    os.unlink(os.path.join(directory, "ballast"))
    with dictsqlite.open(os.path.join(directory, "other.db"), storage_mode="bytes", hot_capacity=0):
        pass
elif story == "permissions":
    # As somebody else: root may do everything.
    path = os.path.join(directory, "store.db")
    with dictsqlite.open(path) as db:
        db["k"] = 1
    os.chmod(directory, 0o755)
    os.chmod(path, 0o644)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    else:
        os.chmod(path, 0o444)
        os.chmod(directory, 0o555)

    def refused(call, *kinds):
        try:
            call()
        except kinds as e:
            assert isinstance(e, OSError), e
            assert any(word in str(e) for word in ("permission", "Permission")), e
            return
        raise AssertionError("not refused")

    # A file and a directory that cannot be written.
    refused(lambda: dictsqlite.open(path), dictsqlite.ReadOnlyError, dictsqlite.IoError)
    refused(lambda: dictsqlite.open(os.path.join(directory, "new.db")), dictsqlite.ReadOnlyError, dictsqlite.IoError)
    assert sorted(os.listdir(directory)) == ["store.db"]
print("good")
