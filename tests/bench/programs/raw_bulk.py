"""The raw limit of publishing in bulk: write all, one syncfs, rename all, one syncfs."""

import ctypes
import os
import sys


def main() -> None:
    """`raw_bulk.py DIR N`: N files like the entries of a spool; no checks, no JSON."""
    root, count = sys.argv[1], int(sys.argv[2])
    os.makedirs(f"{root}/tmp")
    os.mkdir(f"{root}/bucket")
    tmp, bucket = (os.open(f"{root}/{name}", os.O_RDONLY) for name in ("tmp", "bucket"))
    syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    names = [f"20261124T101500123Z.{number:026x}.a0.user.joined.json" for number in range(count)]
    for number, name in enumerate(names):
        fd = os.open(name, flags, 0o600, dir_fd=tmp)
        os.write(
            fd,
            b'{"ampt":1,"id":"%026x","name":"user.joined","time":1795515300123,'
            b'"due":1795515300123,"body":{"user_id":%d}}\n' % (number, number),
        )
        os.close(fd)
    assert syncfs(tmp) == 0
    for name in names:
        os.rename(name, name, src_dir_fd=tmp, dst_dir_fd=bucket)
    assert syncfs(bucket) == 0


if __name__ == "__main__":
    main()
