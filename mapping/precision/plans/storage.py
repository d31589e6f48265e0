"""Storages of weights: a number format, and the granularity of its scales."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.formats import BF16, E8M0, Format, Int, Microscaling, Posit, ScalarFormat, parse_format, stored

Granularity = Literal["none", "tensor", "channel", "group"]
"""Weights that share a scale: none have one, all of a matrix, those of an output, or some successive ones of an
output."""
GROUPS = (128, 64, 32)
"""Sizes of groups that a format without a granularity stands for, too."""
TABLE_BITS = 8
"""Maximum width of a format with scales. Wider formats have a range that needs none."""
MAX_CELLS = 1 << 16
"""Size of the largest table of nearest numbers, which is several times faster than a search."""
FACTORS = stored.UINT8
"""Format of the scale of a group, an integer factor of the scale of its output, as the array has it."""
SCALE = BF16
"""Format of the scale of an output or of a matrix."""


@dataclass(frozen=True)
class WeightStorage:
    """A format of weights, with scales: a weight is a number of the format times its scale.

    Scales of outputs and matrices are BF16. That of a group is a factor of 1 to 255 times the scale of its output, as
    in the CIM array. Microscaling formats have blocks and scales of their own; NVFP4 has an FP32 scale a matrix, too.
    """

    format: Format
    granularity: Granularity = "channel"
    group: int = 0
    """Number of weights of a group or block, 0 if there are none."""

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Name that :func:`parse_storage` takes: a format, a slash, and a granularity or the size of a group."""
        if self.granularity == "none" or isinstance(self.format, Microscaling):
            return self.format.name
        return f"{self.format.name}/{self.group or self.granularity}"

    def bits(self, outputs: int, inputs: int) -> float:
        """Return the number of bits of a matrix, scales included."""
        weights = outputs * inputs
        groups = outputs * -(-inputs // self.group) if self.group else 0
        if isinstance(self.format, Microscaling):
            of_matrix = 0 if self.format.scale == E8M0 else stored.FP32.bits
            return self.format.element.bits * weights + self.format.scale.bits * groups + of_matrix
        scales = {"none": 0, "tensor": 1, "channel": outputs, "group": outputs}[self.granularity]
        return self.format.bits_per_value * weights + SCALE.bits * scales + FACTORS.bits * groups

    @property
    def element(self) -> ScalarFormat:
        """Format of a number."""
        found = self.format.element if isinstance(self.format, Microscaling) else self.format
        assert isinstance(found, ScalarFormat)
        return found

    @property
    def usual_target(self) -> float:
        """Magnitude that the largest weight of a scale becomes if scales are not searched.

        The largest number; of a posit, which has few numbers near that, the one from which its numbers get sparser.
        """
        return 2.0 ** (1 << self.format.es) if isinstance(self.format, Posit) else self.element.max

    @property
    def least_target(self) -> float:
        """Least magnitude that the largest weight of a group becomes, for which the scale of its output has room."""
        return 1.0 if isinstance(self.format, Posit) else self.usual_target

    @cached_property
    def targets(self) -> np.ndarray:
        """Magnitudes that a search tries to give to the largest weight of a scale: also more than there are, which cuts
        that weight off."""
        positive = self.numbers[self.numbers > 0]
        return np.geomspace(np.median(positive), 1.8 * positive[-1], 14)

    @property
    def numbers(self) -> np.ndarray:
        """Finite numbers of the element, ascending, of a format of at most :data:`TABLE_BITS` bits."""
        return _numbers(self.element)

    @property
    def unit(self) -> float:
        """Number that stands for one count: all numbers are multiples of the least positive one, if any of them is."""
        return self.element.min

    @property
    def counts(self) -> np.ndarray:
        """Finite numbers of the element in units of the least positive one, ascending."""
        return self.numbers / self.unit

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers nearest to some values, which are divided by their scales."""
        if self.granularity == "none":
            return self.element.decode(self.element.encode(values))
        numbers = self.numbers
        if isinstance(self.element, Int):
            return np.clip(np.rint(values / self.element.min) * self.element.min, numbers[0], numbers[-1])
        table = _table(self.element)
        if table is None:
            return numbers[np.searchsorted(_boundaries(self.element), values)]
        cells, each, first = table
        return cells.take(((values - first) * (1 / each)).astype(np.int64), mode="clip")

    def of_a_group(self, wanted: np.ndarray) -> np.ndarray:
        """Return scales that a group can have, apart from what it shares with others: powers of two, or any."""
        in_powers = isinstance(self.format, Microscaling) and self.format.scale == E8M0
        return 2.0 ** np.rint(np.log2(wanted)) if in_powers else wanted

    def scale_grid(self, wanted: np.ndarray) -> "ScaleGrid":
        """Return the scales that can be stored, given those that are wanted, (outputs, scales of an output)."""
        return ScaleGrid(self, wanted)


class ScaleGrid:
    """Scales that a storage can have for a matrix: what outputs or the matrix share is chosen once.

    Parameters
    ----------
    wanted : ndarray, (outputs, scales of an output)
        Scales of the matrix without limits, above 0 except where all weights are 0.
    """

    def __init__(self, storage: WeightStorage, wanted: np.ndarray):
        self.storage, self.shared = storage, np.ones((len(wanted), 1))
        if isinstance(storage.format, Microscaling):
            if storage.format.scale != E8M0:
                self.shared *= np.float32(wanted.max() / storage.format.scale.max) or 1.0
        elif storage.granularity != "none":
            widest = wanted.max(axis=1, keepdims=True) / (FACTORS.largest if storage.granularity == "group" else 1)
            if storage.granularity == "tensor":
                widest = np.full_like(widest, widest.max())
            self.shared = SCALE.decode(SCALE.encode(widest))
            self.shared[self.shared == 0] = 1.0

    def nearest(self, wanted: np.ndarray) -> np.ndarray:
        """Return the scales that can be stored nearest to those of some groups, (outputs, groups)."""
        storage = self.storage
        if isinstance(storage.format, Microscaling):
            least = storage.format.scale.min
            ratio = np.maximum(wanted / self.shared, least)
            if storage.format.scale == E8M0:
                return 2.0 ** np.clip(np.rint(np.log2(ratio)), -126, 127)
            return np.maximum(storage.format.scale.decode(storage.format.scale.encode(ratio)), least) * self.shared
        if storage.granularity == "group":
            return np.clip(np.rint(wanted / self.shared), 1, FACTORS.largest) * self.shared
        return np.broadcast_to(self.shared, wanted.shape)


@lru_cache(maxsize=64)
def _numbers(form: ScalarFormat) -> np.ndarray:
    found = form.decode(np.arange(1 << form.bits))
    return np.unique(found[np.isfinite(found)])


@lru_cache(maxsize=64)
def _boundaries(form: ScalarFormat) -> np.ndarray:
    numbers = _numbers(form)
    return (numbers[1:] + numbers[:-1]) / 2


@lru_cache(maxsize=64)
def _table(form: ScalarFormat) -> tuple[np.ndarray, float, float] | None:
    """Return the nearest number by cell of the number line, the size of a cell, and where the first one begins; None
    if there are too many. All boundaries between two numbers are those of cells."""
    numbers, each = _numbers(form), form.min / 2
    first = numbers[0] - each
    count = round((numbers[-1] - first) / each) + 1
    if count > MAX_CELLS:
        return None
    return numbers[np.searchsorted(_boundaries(form), first + (np.arange(count) + 0.5) * each)], each, first


def parse_storage(name: str) -> tuple[WeightStorage, ...]:
    """Return the storages of a name: ``FORMAT/GRANULARITY``, or ``FORMAT`` for every granularity that it can have.

    Raises
    ------
    ConfigError
        If there is no such format, or it has no such scales; names what is allowed.
    """
    form_name, slash, granularity = name.partition("/")
    try:
        form = parse_format(form_name)
    except ValueError as error:
        raise ConfigError(f"formats: {error}") from error
    if isinstance(form, Microscaling):
        if slash:
            raise ConfigError(f"formats: {name} is not allowed: {form.name} has blocks of {form.block} of its own")
        return (WeightStorage(form, "group", form.block),)
    assert isinstance(form, ScalarFormat)
    if form.bits > TABLE_BITS:
        if slash:
            raise ConfigError(f"formats: {name} is not allowed: {form.name} has a range that needs no scale")
        return (WeightStorage(form, "none"),)
    if not slash:
        return (
            WeightStorage(form, "tensor"),
            WeightStorage(form, "channel"),
            *(WeightStorage(form, "group", size) for size in GROUPS),
        )
    if granularity in ("tensor", "channel"):
        return (WeightStorage(form, granularity),)  # type: ignore[arg-type]
    if not re.fullmatch(r"[1-9]\d{0,3}", granularity, re.ASCII) or int(granularity) < 2:
        raise ConfigError(f"formats: {name} is not allowed: after the slash there must be tensor, channel or 2 to 9999")
    return (WeightStorage(form, "group", int(granularity)),)


def parse_storages(names: str) -> tuple[WeightStorage, ...]:
    """Return the storages of several names with commas between them, each once.

    Raises
    ------
    ConfigError
        As :func:`parse_storage`; also if there is no name.
    """
    found = [each for name in names.split(",") if name.strip() for each in parse_storage(name.strip())]
    if not found:
        raise ConfigError(f"formats = {names!r} is not allowed: there must be a format, such as int4 or int4/32")
    return tuple(dict.fromkeys(found))
