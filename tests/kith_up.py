"""A Kith of its own for clients in other languages, on free ports, with data that it forgets."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ["identity", "social-graph", "posts", "messaging"]
# Seconds; a warm start takes three.
START_TIMEOUT = 60
STOP_TIMEOUT = 60


def run(client, *flags):
    """Runs `client(arguments)`, which answers whether it was content, against the Kith that the command line names; ends the
    program unless it was and Kith ended well. The arguments say where each service listens: --identity 127.0.0.1:50051 ..."""
    kith = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "debug" / "kith")
    if not kith.exists():
        sys.exit(f"there is no {kith}; build it with: cargo build --bin kith")
    with tempfile.TemporaryFile("w+") as log:
        server = start(kith, log, flags)
        try:
            found = addresses(server)
            arguments = [argument for name in found for argument in (f"--{name}", found[name])]
            walked = len(found) == len(SERVICES) and client(arguments)
        finally:
            ended = stop(server)
        if not walked or ended:
            log.seek(0)
            what = f"kith ended with {ended}" if ended else "the client was not content"
            sys.exit(f"{what}; kith listened on {found}; its log:\n{log.read()}")


def start(kith, log, flags):
    ports = [argument for name in SERVICES for argument in (f"--{name}-listen-address", "127.0.0.1:0")]
    return subprocess.Popen(
        [kith, "up", "--ephemeral", *ports, *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def addresses(server):
    """Reads where each service listens from what `kith up` prints; not all of them when it ends or takes too long."""
    found = {}
    too_long = Timer(START_TIMEOUT, server.terminate)
    too_long.start()
    for line in server.stdout:
        for name in SERVICES:
            if match := re.search(rf"\b{name}\b.*?(127\.0\.0\.1:\d+)", line):
                found.setdefault(name, match[1])
        if len(found) == len(SERVICES):
            break
    too_long.cancel()
    return found


def stop(server):
    """Asks Kith to stop, as an operator would, and answers how it ended. Whoever still holds its output keeps it up."""
    server.terminate()
    try:
        server.communicate(timeout=STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        server.kill()
    return server.wait()
