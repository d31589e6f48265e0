"""Reads wave files with a library of others, pywellen, and samples their signals as registers see them."""

from bisect import bisect_left
from pathlib import Path

import numpy as np
import pywellen


class WaveReader:
    """A wave file of one clock.

    Parameters
    ----------
    file : Path
        File in the form VCD or FST.
    clock : str
        Full name of the clock.
    """

    def __init__(self, file: Path, clock: str):
        self._waves = pywellen.Waveform(str(file))
        self._variables = {variable.full_name: variable for variable in self._waves.all_vars()}
        self.format = self._waves.file_format
        self.edges = [time for time, value in self._changes(clock) if value == 1][1:]

    @property
    def names(self) -> set[str]:
        """Full names of all signals."""
        return set(self._variables)

    def _changes(self, name: str) -> list[tuple[int, int]]:
        return [(time, value) for time, value in self._variables[name].signal]

    def samples(self, name: str) -> np.ndarray:
        """Return the values of a signal right before each edge of the clock but the first, as Python's integers."""
        changes = self._changes(name)
        times = [time for time, _ in changes]
        values = [changes[bisect_left(times, edge) - 1][1] for edge in self.edges]
        return np.array(values, object)

    def texts(self, name: str) -> np.ndarray:
        """Return the values of a signal that holds text."""
        length = -(-self._variables[name].length // 8)
        return np.array([value.to_bytes(length, "big").decode().rstrip() for value in self.samples(name)])

    def handshakes(self, stream: str) -> np.ndarray:
        """Return in which cycles a word of a stream passes; the name is the part before ``valid``."""
        return (self.samples(f"{stream}valid") & self.samples(f"{stream}ready")).astype(bool)


def listed_names(signal_list: Path) -> list[str]:
    """Return the names of the signals in a list for GTKWave, without the numbers of their bits."""
    lines = signal_list.read_text().splitlines()
    return [line.split()[-1].partition("[")[0] for line in lines if line.startswith("+{")]
