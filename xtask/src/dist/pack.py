"""Archives and checksums: pack.py pack ARCHIVE DIR TOP | unpack ARCHIVE DIR | sums FILE...

The same files give the same bytes: names are sorted, times and owners are fixed.
"""

import gzip
import hashlib
import os
import pathlib
import stat
import sys
import tarfile
import zipfile

#: 1980 is where zip's time begins.
EPOCH = 315532800


def files_below(root):
    found = []
    for directory, names, files in os.walk(root):
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        found += [pathlib.Path(directory, name) for name in files + links]
    return sorted(found)


def pack_tar(archive, root, top):
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in files_below(root):
                member = tar.gettarinfo(path, f"{top}/{path.relative_to(root).as_posix()}")
                member.mtime, member.uid, member.gid = EPOCH, 0, 0
                member.uname = member.gname = "root"
                member.mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
                if member.isreg():
                    with open(path, "rb") as file:
                        tar.addfile(member, file)
                else:
                    tar.addfile(member)


def pack_zip(archive, root, top):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files_below(root):
            name = f"{top}/{path.relative_to(root).as_posix()}"
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            packed.writestr(member, path.read_bytes())


def unpack(archive, directory):
    if archive.endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(directory)
        return
    with tarfile.open(archive) as packed:
        # Only our own archives come here; the filter is what Python asks for where it knows it.
        options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        packed.extractall(directory, **options)
    # Builds look at times: what was just unpacked is new.
    for path in files_below(directory):
        if not path.is_symlink():
            os.utime(path)


def main():
    command, *rest = sys.argv[1:]
    if command == "pack":
        archive, root, top = rest
        (pack_zip if archive.endswith(".zip") else pack_tar)(archive, root, top)
    elif command == "unpack":
        unpack(*rest)
    else:
        for name in rest:
            print(hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest())


main()
