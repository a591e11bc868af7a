"""Expressions of Prometheus, as far as the checks read them. What they mean, promtool and a Prometheus say."""

import re
from functools import cache

from files import ROOT, tracked

KEYWORDS = {"and", "or", "unless", "offset", "bool", "on", "ignoring", "by", "without", "group_left", "group_right"}
# Where the names of metrics live.
NAMES = "shared/telemetry/src/"
# Prometheus makes these itself.
OF_PROMETHEUS = {"up", "ALERTS"}
# What a histogram is made of.
PARTS = re.compile("_(bucket|sum|count)$")


def metrics(expression):
    """The names of the metrics that an expression reads."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w.:])[a-zA-Z_][\w:]*(?!\s*\()\b(?![\w:(])", re.sub(r"\boffset\s+\w+", "", bare))
    return {name for name in names if name not in KEYWORDS}


@cache
def served():
    """The metrics that the sources name."""
    sources = [path for path in tracked() if path.startswith(NAMES) and path.endswith(".rs")]
    text = "".join((ROOT / path).read_text() for path in sources)
    return set(re.findall(r'"((?:grpc_server|db_client|kith|process)_[a-z_]+)"', text))


def strangers(expression, recorded=()):
    """The metrics that nobody serves."""
    known = served() | OF_PROMETHEUS | set(recorded)
    return sorted(name for name in metrics(expression) if name not in known and PARTS.sub("", name) not in known)
