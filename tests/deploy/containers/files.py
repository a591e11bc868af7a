"""The files that are checked, as texts that a control can change."""

import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = "deploy/Dockerfile"
DOCKERIGNORE = ".dockerignore"
COMPOSE = "deploy/compose.yaml"
PROMETHEUS = "deploy/prometheus"
DASHBOARD = "deploy/grafana/dashboards/overview.json"
README = "deploy/README.md"
CHECKED = [DOCKERIGNORE, "Cargo.toml", "rust-toolchain.toml", "deploy"]


@cache
def tracked():
    """The paths of everything in git, and of what is about to be."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [path for path in told.stdout.splitlines() if (ROOT / path).exists()]


class Files:
    """Texts by their paths from the root of the repository."""

    def __init__(self, texts):
        self.texts = texts

    @classmethod
    def read(cls):
        mine = [path for path in tracked() if path in CHECKED or path.split("/")[0] in CHECKED]
        return cls({path: (ROOT / path).read_text() for path in mine})

    def __getitem__(self, path):
        return self.texts[path]

    def yaml(self, path):
        return parsed(self.texts[path])

    def beneath(self, folder):
        return {path: text for path, text in self.texts.items() if path.startswith(f"{folder}/")}

    def changed(self, path, old, new):
        """With another text in place of the one that stands there."""
        assert old in self.texts[path], f"{path} does not have {old!r}"
        return Files(self.texts | {path: self.texts[path].replace(old, new)})


@cache
def parsed(text):
    return yaml.safe_load(text)


@contextmanager
def written(texts):
    """A folder with these texts, for programs that read files."""
    with tempfile.TemporaryDirectory(prefix="kith-") as folder:
        for path, text in texts.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        yield Path(folder)


def tool(name):
    """A program of the environment that this Python is of."""
    import sys

    return Path(sys.executable).parent / name


@cache
def complaints(texts, *command):
    """What a program prints that does not like these files (pairs of path and text); nothing if it does.

    Kept: a control changes one file of many.
    """
    with written(dict(texts)) as folder:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    return done.stdout.strip() or f"{command[0]} ended with {done.returncode}" if done.returncode else ""
