"""What must hold of each overlay. A check takes a `Case` and yields a sentence for each thing that is wrong."""

from dataclasses import dataclass
from pathlib import Path

from manifests import Manifests

CHECKS = {}


@dataclass
class Case:
    """An overlay's objects, and the folder of the binaries that they run."""

    manifests: Manifests
    binaries: Path


def check(function):
    """Lists a check under its name."""
    assert function.__name__ not in CHECKS, function.__name__
    CHECKS[function.__name__] = function
    return function


def problems(case):
    """What is wrong, by the name of the check that found it; a check that cannot be made is wrong too."""
    found = {}
    for name, function in CHECKS.items():
        try:
            told = list(function(case))
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            told = [f"cannot be checked: {type(error).__name__}: {error}"]
        if told:
            found[name] = told
    return found
