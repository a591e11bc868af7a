"""What a test waits for, and what it expects."""

import time

# Seconds; nothing waits for them to pass.
PATIENCE = 60


def expect(what, actual, wanted):
    assert actual == wanted, f"{what}: expected {wanted!r}, got {actual!r}"


def eventually(what, holds, told=lambda: ""):
    """Waits until it holds; else ends with what is told."""
    give_up = time.monotonic() + PATIENCE
    while not (seen := holds()):
        assert time.monotonic() < give_up, f"never happened: {what} {told()}"
        time.sleep(0.05)
    return seen
