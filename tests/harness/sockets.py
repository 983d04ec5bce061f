"""The other end of a client's socket, on this machine: which nginx process holds it, and what that
process has not read yet (proc(5), /proc/net/tcp)."""

import os
from pathlib import Path


def other_end(ws):
    """Its fields of /proc/net/tcp; None while nobody has accepted it."""
    mine = ws.socket.getsockname()[1]
    wanted = f"0100007F:{ws.port:04X}", f"0100007F:{mine:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if tuple(fields[1:3]) == wanted:
            return fields
    return None


def find_owner(ws, stack):
    """The pid of the nginx process that holds it; None while there is none."""
    fields = other_end(ws)
    inode = f"socket:[{fields[9]}]" if fields else None
    for pid in stack.nginx.worker_pids() if fields else ():
        try:
            links = list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            continue  # it has just ended
        for link in links:
            try:
                if os.readlink(link) == inode:
                    return pid
            except OSError:
                continue
    return None


def owner_of(ws, stack):
    pid = find_owner(ws, stack)
    assert pid, "nobody has the other end"
    return pid


def unread_bytes(ws):
    """What the process has not read yet."""
    fields = other_end(ws)
    assert fields, "nobody has the other end"
    return int(fields[4].split(":")[1], 16)
