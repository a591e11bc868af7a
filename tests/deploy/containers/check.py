"""Checks what images, containers and their watchers are told: `python check.py FOLDER_OF_THE_BINARIES`. See run.py.

Then every check is shown to see what it is for: each control of controls.py breaks one thing, and exactly the check that is
named there must find it.
"""

import sys
from pathlib import Path

import checks.compose
import checks.dashboard
import checks.image
import checks.rules  # noqa: F401
from checks import CHECKS, Case, problems
from controls import CONTROLS
from files import Files


def main():
    case = Case(Files.read(), Path(sys.argv[1]).resolve())
    mistakes = [f"{name}: {problem}" for name, told in problems(case).items() for problem in told]
    # A control on top of a mistake would show nothing.
    if not mistakes:
        mistakes = [told for control in CONTROLS for told in control.mistakes(case)]
        controlled = {name for control in CONTROLS for name in control.checks}
        mistakes += [f"{name} has no control" for name in CHECKS if name not in controlled]
    for mistake in mistakes:
        print(f"  {mistake}")
    if mistakes:
        sys.exit("image, containers and their watchers are not as they must be")
    print(f"  {len(CHECKS)} checks hold; {len(CONTROLS)} controls, each found by its check")


if __name__ == "__main__":
    main()
