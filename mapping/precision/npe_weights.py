"""Weights as the NPE multiplies them: codes of one of its formats, with a scale for each column in formats of up to 8
bits."""

from dataclasses import dataclass

import numpy as np

from tilewright.mapping.models.rows import RowScales
from tilewright.sim.formats import StoredFormat, stored
from tilewright.sim.formats.simd import Mode
from tilewright.sim.graph.precision import Precision

from .quantisation import QuantisedWeights

LARGEST = {
    Mode.FP4_E2M1: 6.0,
    Mode.POSIT4_1: 4.0,
    Mode.INT4: 7.0,
    Mode.POSIT8_0: 4.0,
    Mode.FP8_E4M3: 448.0,
    Mode.FP8_E5M2: 57344.0,
    Mode.INT8: 127.0,
}
"""Number to which the largest magnitude of a row or a column is scaled, for the NPE's formats of up to 8 bits; posits
are finest around 1, and formats of 16 bits need no scales."""


@dataclass(frozen=True)
class NpeWeights(QuantisedWeights):
    """Weights for the NPE: ``weights[k, n] = numbers[k, n] * columns[n]``, approximately."""

    @property
    def values(self) -> np.ndarray:
        numbers = stored.npe_mode(self.precision.weights).format.decode(self.codes)
        return numbers * self.columns.astype(np.float64)

    def constants(self, name: str) -> dict[str, np.ndarray]:
        constants = {f"{name}.codes": self.codes}
        if not is_scaled(self.precision.weights):
            return constants
        return constants | {f"{name}.columns": stored.FP32.from_fp32(self.columns)}


def is_scaled(storage: StoredFormat) -> bool:
    """Return whether columns of weights, and rows of activations, have scales in a format of the NPE."""
    return stored.npe_mode(storage) in LARGEST


def npe_weights(weights: np.ndarray, precision: Precision, scales: RowScales | None = None) -> NpeWeights:
    """Return weights (k, n) in the precision's format, which is one of the NPE's; the largest magnitude of a column
    becomes the number of :data:`LARGEST`.

    Parameters
    ----------
    scales : RowScales, optional
        Scales of the columns, n rows without factors, if the weights already are numbers of the format times these.
    """
    mode = stored.npe_mode(precision.weights)
    columns = np.ones(weights.shape[1], np.float32)
    if mode in LARGEST:
        wanted = np.abs(weights).max(axis=0) / LARGEST[mode] if scales is None else scales.rows
        columns = np.where(wanted > 0, wanted, 1).astype(np.float32)
    codes = precision.weights.kept(mode.format.encode(weights / columns.astype(np.float64)))
    return NpeWeights(codes, columns, None, precision)
