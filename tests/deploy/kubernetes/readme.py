"""What deploy/README.md tells people to type, for tests that type it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "deploy" / "README.md"


def block(language, part):
    """The one block of code in that language that has this part."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```$", README.read_text(), re.MULTILINE | re.DOTALL)
    (found,) = [one for one in blocks if part in one]
    return found
