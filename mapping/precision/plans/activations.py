"""Rounding of activations: each row of a product's input, and each head of a token, has a scale of its own."""

from collections.abc import Mapping

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.formats import ScalarFormat, parse_format

from .storage import TABLE_BITS, WeightStorage


class RoundedInputs:
    """Rounds the inputs of products to numbers of a format, as an :data:`.OnInput`.

    Parameters
    ----------
    form : ScalarFormat
        Format of at most 8 bits.
    factors : mapping
        Factors of the columns of inputs, by name of the product, with which they are multiplied first.
    """

    def __init__(self, form: ScalarFormat, factors: Mapping[str, np.ndarray]):
        self.storage, self.factors = WeightStorage(form), factors

    def exact(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the input of a product with its factors, which the tensors are made for, and without rounding."""
        return values * self.factors[name] if name in self.factors else values

    def __call__(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the input of a product, rounded."""
        values = self.exact(name, values)
        scales = np.abs(values).max(axis=-1, keepdims=True) / self.storage.usual_target
        scales[scales == 0] = 1.0
        return self.storage.nearest(values / scales) * scales


def parse_activations(name: str) -> ScalarFormat:
    """Return the format of activations of a name.

    Raises
    ------
    ConfigError
        If there is none, or activations cannot have it.
    """
    try:
        form = parse_format(name)
    except ValueError as error:
        raise ConfigError(f"activations: {error}") from error
    if not isinstance(form, ScalarFormat) or form.bits > TABLE_BITS:
        raise ConfigError(f"activations = {name} is not allowed: a format of at most {TABLE_BITS} bits without blocks")
    return form
