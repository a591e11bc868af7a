"""Renders both overlays, and the one that deploy/README.md shows: `python check.py FOLDER_OF_THE_BINARIES`. See run.py.

Every check must hold of each. Then every check is shown to see what it is for: each control of controls.py breaks one thing
of what was rendered, and what is named there must find it, and nothing else.
"""

import sys
from pathlib import Path

import checks.life
import checks.network
import checks.scale
import checks.schema
import checks.security
import checks.variables
import checks.wiring
from checks import CHECKS, Case, problems
from controls import CONTROLS
from manifests import OVERLAYS, render, render_overlay_of_the_readme


def main():
    binaries = Path(sys.argv[1]).resolve()
    rendered = {overlay: render(overlay) for overlay in OVERLAYS} | {"the README": render_overlay_of_the_readme()}
    mistakes = []
    for overlay, manifests in rendered.items():
        for name, told in problems(Case(manifests, binaries)).items():
            mistakes += [f"{overlay}: {name}: {problem}" for problem in told]
    # A control on top of a mistake would show nothing.
    if not mistakes:
        mistakes = [told for control in CONTROLS for told in control.mistakes(rendered, binaries)]
        controlled = {control.checks[0] for control in CONTROLS}
        mistakes += [f"{name} has no control" for name in CHECKS if name not in controlled]
    for mistake in mistakes:
        print(f"  {mistake}")
    if mistakes:
        sys.exit("the manifests are not as they must be")
    objects = ", ".join(f"{len(manifests.objects)} objects of {overlay}" for overlay, manifests in rendered.items())
    print(f"  {len(CHECKS)} checks hold for {objects}; {len(CONTROLS)} controls, each found by what it names alone")


if __name__ == "__main__":
    main()
