"""Checks deploy/kustomize: `python3 tests/deploy/kubernetes/run.py [folder of the binaries]`.

Needs the binaries (`cargo build --bins`), kubectl (or the path of one in KUBECTL), openssl, and PostgreSQL's programs; the
packages of requirements.txt are installed into an environment under target/.
"""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ENVIRONMENT = ROOT / "target" / "tools" / "kubernetes"
# In this order: processes are of no use while what they are made of is wrong.
STEPS = ["check.py", "processes.py"]


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
    binaries = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "debug").resolve()
    if not (binaries / "kith-posts").exists():
        sys.exit(f"there is no {binaries / 'kith-posts'}; build it with: cargo build --bins")
    python = install()
    for step in STEPS:
        status = subprocess.run([python, HERE / step, binaries], stdin=subprocess.DEVNULL).returncode
        if status:
            sys.exit(f"{step} ended with {status}")


if __name__ == "__main__":
    main()
