"""Functions that workers run in tests of the executor."""

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    """Return the square of a number."""
    return number * number


def process_id() -> int:
    """Return the id of this process after a while, in which other workers take calls, too."""
    time.sleep(0.5)
    return os.getpid()


def slow_square(number: int, seconds: float) -> int:
    """Return the square of a number after some time."""
    time.sleep(seconds)
    return number * number


def refuse(number: int) -> int:
    """Raise the number."""
    raise ValueError(f"{number} is refused")


def die_at_first(number: int, folder: str, times: int) -> int:
    """Return the square of a number; kill the process in the first calls with the number 3."""
    file = Path(folder) / "deaths"
    deaths = len(file.read_text()) if file.exists() else 0
    if number == 3 and deaths < times:
        file.write_text("x" * (deaths + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number
