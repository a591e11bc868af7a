"""What Kith's programs can be told, as they say themselves by --help."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache

# In --help, behind each flag that is a setting: `[what it must be; environment: A, B; required]`, or with a default.
SETTING = re.compile(r"\[[^\[\]]*; environment: ([A-Z_, ]+)(?:; (required)|; default: ([^\]]+))?\]")
# Flags that are none.
OTHERS = {"--help", "--version", "--bootstrap"}


@dataclass(frozen=True)
class Setting:
    """One setting of a program; any one of its variables gives it."""

    variables: tuple
    required: bool
    default: str


@cache
def settings(binary, *subcommand):
    """The settings of a program."""
    told = subprocess.run([binary, *subcommand, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    flags = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", told, re.MULTILINE))
    found = [Setting(tuple(match[1].split(", ")), bool(match[2]), match[3]) for match in SETTING.finditer(told)]
    named = {f"--{setting.variables[0].removeprefix('KITH_').lower().replace('_', '-')}" for setting in found}
    # A setting that was overlooked would make its variable unknown; one that was read wrongly would be a flag that is not.
    strangers = {flag for flag in flags - OTHERS if flag not in named and flag.removesuffix("-file") not in named}
    assert found and not strangers, f"--help of {binary} has flags that could not be read: {strangers}"
    assert len(found) == len(flags - OTHERS), f"--help of {binary}: {len(found)} settings, flags {flags}"
    return found


def variables(found):
    """The variables of these settings."""
    return {name for setting in found for name in setting.variables}


def command_line(container, folder):
    """The binary in `folder` that a container runs, and its arguments."""
    command = [*container["command"], *container.get("args", [])]
    return folder / command[0].rpartition("/")[2], command[1:]


def settings_of(container, folder):
    """The settings of the program that a container runs."""
    binary, arguments = command_line(container, folder)
    return settings(binary, *[word for word in arguments if not word.startswith("--")])


def seconds(text):
    """A duration as the programs read it."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
