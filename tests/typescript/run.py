"""Runs client.ts against a Kith of its own: `python3 tests/typescript/run.py [path of the kith binary]`.

Needs the binary (`cargo build --bin kith`), Node.js 18 or newer with npm, and buf; packages, stubs and what the compiler makes
of them go to target/typescript.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import kith_up

WORKSHOP = kith_up.ROOT / "target" / "typescript"
FILES = ["package.json", "package-lock.json", "tsconfig.json", "stubs.mjs", "client.ts"]


def in_workshop(*command):
    environment = os.environ | {"KITH_REPOSITORY": str(kith_up.ROOT)}
    return subprocess.run(command, cwd=WORKSHOP, env=environment, stdin=subprocess.DEVNULL)


def compile():
    """Makes the stubs by buf.gen.yaml and compiles them and the client, with all that the compiler can find fault with."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    # What an older contract left would be compiled, and might even be used.
    for old in ["gen", "out"]:
        shutil.rmtree(WORKSHOP / old, ignore_errors=True)
    for name in FILES:
        shutil.copy(HERE / name, WORKSHOP)
    in_workshop("npm", "ci", "--no-fund", "--no-audit", "--loglevel", "error").check_returncode()
    in_workshop("node", "stubs.mjs", "typescript").check_returncode()
    in_workshop("node_modules/.bin/tsc").check_returncode()


def main():
    compile()
    # Somebody must be let in, or there is no gRPC-Web; Node.js is no page and sends no origin.
    origin = ["--grpc-web-origins", "https://app.example.com"]
    kith_up.run(lambda arguments: in_workshop("node", "out/client.js", *arguments).returncode == 0, *origin)


if __name__ == "__main__":
    main()
