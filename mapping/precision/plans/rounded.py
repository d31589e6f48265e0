"""The tensors of a network under an assignment, and how much each matrix alone loses."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from tilewright.mapping.models.reference import OnInput

from .assignment import Assignment
from .network import Collected, Network, Outputs, Product
from .rounding import Method, Moments, round_weights
from .storage import WeightStorage

OUTPUTS = 64
"""Maximum number of outputs of a matrix on which the error of a storage is estimated."""
KEPT_BYTES = 400 << 20
"""Maximum size of the matrices that are kept for the next assignment."""


class RoundedMatrices:
    """Matrices of a network, rounded; each depends on the moments of its inputs in the network without rounding alone.

    Parameters
    ----------
    texts : sequence of sequence of int
        Calibration texts, which are run when the first matrix is asked for.
    """

    def __init__(self, network: Network, texts: Sequence[Sequence[int]], on_input: OnInput | None = None):
        self.network, self.texts, self.on_input = network, texts, on_input
        self._kept: OrderedDict[tuple[str, WeightStorage, Method], np.ndarray] = OrderedDict()

    @cached_property
    def moments(self) -> dict[str, Moments]:
        """Moments of the inputs of each product."""
        return moments_of(self.network, self.texts, self.on_input)

    def matrix(self, product: Product, storage: WeightStorage, method: Method) -> np.ndarray:
        """Return the weights of a product, rounded, float32; some of those that were asked for last are kept."""
        key = (product.name, storage, method)
        if key not in self._kept:
            weights, moments = self.network.tensors[product.tensor], self.moments[product.name]
            self._kept[key] = round_weights(weights, storage, moments, method).astype(np.float32)
        self._kept.move_to_end(key)
        while sum(each.nbytes for each in self._kept.values()) > KEPT_BYTES and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return self._kept[key]

    def tensors(self, assignment: Assignment, method: Method) -> dict[str, np.ndarray]:
        """Return the tensors of the network with the matrices of an assignment rounded."""
        rounded = {
            each.tensor: self.matrix(each, assignment[each.name], method)
            for each in self.network.products
            if each.name in assignment
        }
        return {**self.network.tensors, **rounded}


def moments_of(network: Network, texts: Sequence[Sequence[int]], on_input: OnInput | None = None) -> dict[str, Moments]:
    """Return the moments of the inputs of all products, of the network without rounding of weights."""
    collected = Collected(network.products, on_input)
    network.after(0, network.tensors, network.begin(texts), collected)
    return collected.moments()


def errors_of(
    weights: np.ndarray, storages: Sequence[WeightStorage], moments: Moments, method: Method
) -> dict[str, float]:
    """Return the squared error of the output of a product by name of the storage, estimated on some outputs."""
    some = weights[:: -(-len(weights) // OUTPUTS)].astype(np.float64)
    factor = len(weights) / len(some)
    return {each.name: factor * moments.error(some, round_weights(some, each, moments, method)) for each in storages}


class Sensitivity:
    """Measures the loss of a network when one matrix alone is rounded.

    Parameters
    ----------
    texts : sequence of sequence of int
        Texts on which the loss is measured.
    """

    def __init__(self, network: Network, texts: Sequence[Sequence[int]], on_input: OnInput | None = None):
        self.network, self.on_input = network, on_input
        self.states = [network.begin(texts)]
        """Input of each layer, and of what comes after all layers."""
        for index in range(network.layers):
            self.states.append(network.layer(index, network.tensors, self.states[-1], on_input))
        self.expected: Outputs = network.end(network.tensors, self.states[-1], on_input)

    def loss(self, product: Product, rounded: np.ndarray) -> float:
        """Return the loss with other weights of a product."""
        tensors: Mapping[str, np.ndarray] = {**self.network.tensors, product.tensor: rounded}
        index = self.network.layers if product.layer is None else product.layer
        return self.network.loss(self.expected, self.network.after(index, tensors, self.states[index], self.on_input))
