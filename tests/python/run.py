"""Runs client.py against a Kith of its own: `python3 tests/python/run.py [path of the kith binary]`.

Needs the binary (`cargo build --bin kith`) and the venv module; the packages of requirements.txt are installed into an
environment under target/.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from threading import Timer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / "target" / "python"
SERVICES = ["identity", "social-graph", "posts", "messaging"]
# Seconds; a warm start takes three.
START_TIMEOUT = 60
STOP_TIMEOUT = 60


def install():
    """The Python that has the packages."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", HERE / "requirements.txt"], stdin=subprocess.DEVNULL, check=True)
    return python


def start(kith, log):
    """Starts Kith on ports that are free, with data that it forgets."""
    ports = [argument for name in SERVICES for argument in (f"--{name}-listen-address", "127.0.0.1:0")]
    return subprocess.Popen(
        [kith, "up", "--ephemeral", *ports],
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


def main():
    kith = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "debug" / "kith")
    if not kith.exists():
        sys.exit(f"there is no {kith}; build it with: cargo build --bin kith")
    python = install()
    with tempfile.TemporaryFile("w+") as log:
        server = start(kith, log)
        try:
            found = addresses(server)
            walked = len(found) == len(SERVICES) and run_client(python, found)
        finally:
            ended = stop(server)
        if not walked or ended:
            log.seek(0)
            what = f"kith ended with {ended}" if ended else "the client was not content"
            sys.exit(f"{what}; kith listened on {found}; its log:\n{log.read()}")


def run_client(python, found):
    """Whether the client was content."""
    arguments = [argument for name in SERVICES for argument in (f"--{name}", found[name])]
    return subprocess.run([python, HERE / "client.py", *arguments], stdin=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    main()
