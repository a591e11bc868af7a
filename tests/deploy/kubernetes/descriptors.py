"""What a process has open, as the kernel tells."""

import os
from pathlib import Path


def descriptors(pid):
    """What a process has open: the numbers, and what is behind them."""
    found = {}
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[descriptor.name] = os.readlink(descriptor)
        except FileNotFoundError:
            pass
    return found


def written_files(pid):
    """The files that a process has open to write to them."""
    written = set()
    for number, behind in descriptors(pid).items():
        try:
            told = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
        except FileNotFoundError:
            continue
        flags = next(line.split()[1] for line in told.splitlines() if line.startswith("flags:"))
        if Path(behind).is_file() and int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
            written.add(behind)
    return written


def local_ports(pid):
    """The ports on which a process has connections."""
    sockets = set(descriptors(pid).values())
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in sockets:
            found.add(int(fields[1].rpartition(":")[2], 16))
    return found
