"""The test's side of failing_alloc.c: builds it, and tells which allocations of nginx are to fail."""

import mmap
import os
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("failing_alloc.c")
FIELDS = ["pid", "armed", "first", "last", "count", "failed", "live"]
NEVER = 2**62


def build(directory):
    library = directory / "failing_alloc.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin",
                    "-o", library, SOURCE], check=True)
    return library


class Table:
    """Fields as attributes: reading and writing goes to the process that has the table mapped."""

    def __init__(self, directory):
        path = directory / "torture-table"
        path.write_bytes(bytes(4096))
        file = os.open(path, os.O_RDWR)
        vars(self)["memory"] = mmap.mmap(file, 4096)
        os.close(file)
        vars(self)["env"] = {"LD_PRELOAD": str(build(directory)), "MR_TORTURE_TABLE": str(path)}

    def __getattr__(self, name):
        return struct.unpack_from("<q", self.memory, 8 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into("<q", self.memory, 8 * FIELDS.index(name), value)

    def arm(self, first=NEVER, last=NEVER):
        self.armed = 0
        self.first, self.last, self.count, self.failed = first, last, 0, 0
        self.armed = 1

    def disarm(self):
        """How many were asked for, and how many of them failed."""
        self.armed = 0
        return self.count, self.failed
