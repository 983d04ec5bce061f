"""The test's side of failing_calls.c: builds it, says with which errors a function can fail, arms it."""

import errno
import mmap
import os
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("failing_calls.c")
NEVER = 2**62
FIELDS = ["pid", "armed", "number", "error", "failed"]
NAME_BYTES = 32
WANTED_AT = 8 * len(FIELDS)
SLOTS_AT = WANTED_AT + NAME_BYTES
SLOT_BYTES = NAME_BYTES + 8
TABLE_BYTES = 4096

END_OF_FILE, SHORT = 0, -1
NONE = [0]  # a library that has no errno: what it returns says that it has failed
BYTES_IN = [errno.ECONNRESET, errno.EAGAIN, SHORT, END_OF_FILE, errno.EINTR, errno.ETIMEDOUT]
BYTES_OUT = [errno.ECONNRESET, errno.EAGAIN, SHORT, errno.EPIPE, errno.EINTR, errno.ENOBUFS]
FILES = [errno.EMFILE, errno.EACCES, errno.ENFILE]


def within_openssl(errors):
    """OpenSSL leaves EINTR to who waits for readiness, and a socket that does not block never has it."""
    return [error for error in errors if error != errno.EINTR]


# What a function can fail with, in documented ways (its manual page). Those that cannot fail on a
# descriptor that is good (close) are left out, as are those that only free.
ERRORS = {
    "socket": [errno.EMFILE, errno.ENFILE, errno.ENOBUFS],
    "connect": [errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ENETUNREACH],
    "accept4": [errno.ECONNABORTED, errno.EMFILE, errno.ENOBUFS],
    "getsockopt": [errno.ENOBUFS],
    "setsockopt": [errno.ENOBUFS, errno.EINVAL],
    "shutdown": [errno.ENOTCONN],
    "ioctl": [errno.EINVAL],
    "epoll_ctl": [errno.ENOMEM, errno.ENOSPC],
    "epoll_wait": [errno.EINTR],
    "recv": BYTES_IN,
    "read": within_openssl(BYTES_IN),
    "send": BYTES_OUT,
    "write": within_openssl(BYTES_OUT),
    "writev": BYTES_OUT,
    "pread64": [errno.EIO, END_OF_FILE, SHORT],
    "pwrite64": [errno.ENOSPC, errno.EIO, SHORT],
    "open": FILES,
    "open64": FILES,
    "SSL_do_handshake": [errno.ECONNRESET],
    "SSL_read": [errno.ECONNRESET, errno.ETIMEDOUT],
    "SSL_write": [errno.EPIPE, errno.ECONNRESET],
    "SSL_shutdown": [errno.EPIPE],
}


def errors(function):
    return ERRORS.get(function, NONE)


def build(directory):
    library = directory / "failing_calls.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin",
                    "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Calls:
    def __init__(self, directory):
        path = directory / "torture-calls"
        path.write_bytes(bytes(TABLE_BYTES))
        file = os.open(path, os.O_RDWR)
        self.memory = mmap.mmap(file, TABLE_BYTES)
        os.close(file)
        self.env = {"LD_PRELOAD": str(build(directory)), "MR_TORTURE_CALLS": str(path)}

    def put(self, name, value):
        struct.pack_into("<q", self.memory, 8 * FIELDS.index(name), value)

    def get(self, name):
        return struct.unpack_from("<q", self.memory, 8 * FIELDS.index(name))[0]

    def watch(self, pid):
        """The process that it is about; -1: every one that is started with `env`."""
        self.put("pid", pid)

    def arm(self, function="", number=NEVER, error=0):
        self.disarm()
        self.memory[WANTED_AT:SLOTS_AT] = function.encode().ljust(NAME_BYTES, b"\0")
        self.memory[SLOTS_AT:TABLE_BYTES] = bytes(TABLE_BYTES - SLOTS_AT)
        self.put("number", number)
        self.put("error", error)
        self.put("failed", 0)
        self.put("armed", 1)

    def disarm(self):
        """How many calls of each function there were, and whether the wanted one has failed."""
        self.put("armed", 0)
        counts = {}
        for at in range(SLOTS_AT, TABLE_BYTES - SLOT_BYTES + 1, SLOT_BYTES):
            name = self.memory[at:at + NAME_BYTES].rstrip(b"\0").decode()
            if name:
                counts[name] = struct.unpack_from("<q", self.memory, at + NAME_BYTES)[0]
        return counts, self.get("failed") > 0


def cases(function, count, steps):
    """(number, error) to try: `steps` of them over all calls with the errors in turn, or, with 0,
    every call with every error."""
    wanted = errors(function)
    if steps == 0:
        return [(number, error) for number in range(count) for error in wanted]
    steps = min(steps, count * len(wanted))
    return [(step * count // steps, wanted[step % len(wanted)]) for step in range(steps)]
