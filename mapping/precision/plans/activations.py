"""Rounding of activations: each row of a product's input, and each head of a token, has a scale of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.reference import KEYS, VALUES
from tilewright.sim.formats import ScalarFormat, parse_format

from .network import Network
from .storage import TABLE_BITS, WeightStorage


class RoundedInputs:
    """Rounds the inputs of products to numbers of a format, as an :data:`.OnInput`.

    Parameters
    ----------
    form : ScalarFormat, optional
        Format of at most 8 bits of all inputs but keys and values; without it they are not rounded.
    factors : mapping
        Factors of the columns of inputs, by name of the product, with which they are multiplied first.
    cache : ScalarFormat, optional
        Format of at most 8 bits of keys and values; without it they have that of the others.
    offsets : mapping
        Offsets of keys, (heads, 1, head size), by name. A key is rounded as its distance from them, which costs
        nothing: the product of a query and an offset is the same at all positions, so that the softmax does not see it.
    """

    def __init__(
        self,
        form: ScalarFormat | None,
        factors: Mapping[str, np.ndarray],
        cache: ScalarFormat | None = None,
        offsets: Mapping[str, np.ndarray] | None = None,
    ):
        self.factors, self.offsets = factors, offsets or {}
        self.storage = WeightStorage(form) if form else None
        self.cache = WeightStorage(cache) if cache else self.storage

    def exact(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the input of a product with its factors, which the tensors are made for, and without rounding."""
        return values * self.factors[name] if name in self.factors else values

    def __call__(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the input of a product, rounded."""
        values = self.exact(name, values)
        storage = self.cache if name.endswith((KEYS, VALUES)) else self.storage
        if storage is None:
            return values
        offset = self.offsets.get(name)
        return _rounded(values, storage) if offset is None else _rounded(values - offset, storage) + offset


def _rounded(values: np.ndarray, storage: WeightStorage) -> np.ndarray:
    """Return numbers rounded with a scale for each row."""
    scales = np.abs(values).max(axis=-1, keepdims=True) / storage.usual_target
    scales[scales == 0] = 1.0
    return storage.nearest(values / scales) * scales


def key_offsets(
    network: Network, texts: Sequence[Sequence[int]], factors: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the mean keys of some texts, (heads, 1, head size), by name; empty for a network without attention."""
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    exact = RoundedInputs(None, factors).exact

    def collect(name: str, values: np.ndarray) -> np.ndarray:
        values = exact(name, values)
        if name.endswith(KEYS):
            sums[name] = sums.get(name, 0.0) + values.sum(axis=1, keepdims=True)
            counts[name] = counts.get(name, 0) + values.shape[1]
        return values

    network.after(0, network.tensors, network.begin(texts), collect)
    return {name: each / counts[name] for name, each in sums.items()}


def parse_activations(name: str, field: str = "activations") -> ScalarFormat:
    """Return the format of activations, or of the cache, of a name.

    Parameters
    ----------
    field : str
        What the format is for, as an error names it.

    Raises
    ------
    ConfigError
        If there is none, or activations cannot have it.
    """
    try:
        form = parse_format(name)
    except ValueError as error:
        raise ConfigError(f"{field}: {error}") from error
    if not isinstance(form, ScalarFormat) or form.bits > TABLE_BITS:
        raise ConfigError(f"{field} = {name} is not allowed: a format of at most {TABLE_BITS} bits without blocks")
    return form
