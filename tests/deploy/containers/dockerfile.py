"""A Dockerfile, taken apart."""

import json
import re
import shlex
from dataclasses import dataclass, field


@dataclass
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    # Pairs of a keyword and the rest of its line.
    instructions: list = field(default_factory=list)

    def all(self, keyword):
        return [rest for word, rest in self.instructions if word == keyword]

    def place(self, beginning):
        """Where the first instruction stands that begins so."""
        lines = [f"{word} {rest}" for word, rest in self.instructions]
        return next(index for index, line in enumerate(lines) if line.startswith(beginning))


class Dockerfile:
    def __init__(self, text):
        self.arguments, self.stages = {}, []
        without_comments = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
        for line in re.sub(r"\\\n\s*", " ", without_comments).splitlines():
            if not line.strip():
                continue
            keyword, rest = line.strip().split(maxsplit=1)
            if keyword == "FROM":
                image, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()
                self.stages.append(Stage(self.expanded(image), name))
            elif self.stages:
                self.stages[-1].instructions.append((keyword, rest))
            else:
                assert keyword == "ARG", f"{keyword} before any stage"
                name, value = rest.split("=", 1)
                self.arguments[name] = value

    def expanded(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda name: self.arguments[name[1]], text)

    def stage(self, name):
        return next(stage for stage in self.stages if stage.name == name)

    def bases(self):
        """The images that are not stages of this file."""
        names = {stage.name for stage in self.stages}
        return [stage.image for stage in self.stages if stage.image not in names | {"scratch"}]


def copies(stage):
    """Each COPY of a stage: the stage it is from (None for the context), sources, target."""
    for rest in stage.all("COPY"):
        words = shlex.split(rest)
        origin = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
        *sources, target = [word for word in words if not word.startswith("--")]
        yield origin, sources, target


def labels(stage):
    return dict(word.split("=", 1) for rest in stage.all("LABEL") for word in shlex.split(rest))


def exec_form(rest):
    """The words of a command in exec form; None for a shell's."""
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    return words if isinstance(words, list) else None


class Ignored:
    """.dockerignore: the last pattern that fits a path, or a folder that it is in, decides."""

    def __init__(self, text):
        self.rules = []
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                excepts = line.startswith("!")
                self.rules.append((excepts, pattern(line.removeprefix("!").strip("/"))))

    def __contains__(self, path):
        parts = path.split("/")
        ways = ["/".join(parts[: length + 1]) for length in range(len(parts))]
        ignored = False
        for excepts, fits in self.rules:
            if any(fits.fullmatch(way) for way in ways):
                ignored = not excepts
        return ignored


def pattern(text):
    """As Docker reads it: ** is any number of folders, * stops at a slash."""
    out = ""
    for piece in re.split(r"(\*\*/|\*\*|\*|\?)", text):
        out += {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}.get(piece, re.escape(piece))
    return re.compile(out)
