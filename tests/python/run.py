"""Runs client.py against a Kith of its own: `python3 tests/python/run.py [path of the kith binary]`.

Needs the binary (`cargo build --bin kith`) and the venv module; the packages of requirements.txt are installed into an
environment under target/.
"""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import kith_up

ENVIRONMENT = kith_up.ROOT / "target" / "python"


def install():
    """The Python that has the packages."""
    python = ENVIRONMENT / "bin" / "python"
    # pip comes last: without it, an environment was never finished.
    if not (ENVIRONMENT / "bin" / "pip").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", HERE / "requirements.txt"], stdin=subprocess.DEVNULL, check=True)
    return python


def main():
    python = install()

    def client(arguments):
        command = [python, HERE / "client.py", *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0

    kith_up.run(client)


if __name__ == "__main__":
    main()
