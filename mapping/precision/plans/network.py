"""A model whose matrices are to be rounded: its layers one by one, on texts, in float64."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilewright.mapping.models.reference import OnInput, Tensors

from .rounding import Moments

States = Any
"""Inputs of a layer for some texts; a network knows their form."""
Outputs = Any
"""Results of a network for some texts; a network knows their form."""


@dataclass(frozen=True)
class Product:
    """A product with a matrix of weights."""

    name: str
    """Name of the matrix, without ``.weight``."""
    part: str
    """Name within a layer."""
    layer: int | None
    """Number of the layer; None if it comes after all of them."""
    outputs: int
    inputs: int

    @property
    def tensor(self) -> str:
        """Name of the tensor of weights."""
        return f"{self.name}.weight"

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.outputs * self.inputs


class Network(ABC):
    """A model and its tensors.

    Parameters
    ----------
    name : str
        Name of the model.
    tensors : mapping
        Tensors by name.
    products : sequence of Product
        Products with weights that may be rounded, layer by layer.
    layers : int
        Number of layers.
    """

    def __init__(self, name: str, tensors: Mapping[str, np.ndarray], products: Sequence[Product], layers: int):
        self.name, self.tensors, self.products, self.layers = name, tensors, tuple(products), layers

    @property
    @abstractmethod
    def embedding_weights(self) -> int:
        """Number of weights of embeddings, which no product reads."""

    @abstractmethod
    def begin(self, texts: Sequence[Sequence[int]]) -> States:
        """Return the input of the first layer for texts as tokens."""

    @abstractmethod
    def layer(self, index: int, tensors: Tensors, states: States, on_input: OnInput | None) -> States:
        """Return the output of a layer with some tensors."""

    @abstractmethod
    def end(self, tensors: Tensors, states: States, on_input: OnInput | None) -> Outputs:
        """Return what the network computes from the output of the last layer."""

    @abstractmethod
    def loss(self, expected: Outputs, found: Outputs) -> float:
        """Return how far outputs are from those of the float64 network: 0 if they are equal, second order in errors."""

    @abstractmethod
    def measures(self, texts: Sequence[Sequence[int]], expected: Outputs, found: Outputs) -> dict[str, float]:
        """Return all measures of outputs beside those of the float64 network, by name."""

    def smoothed(self, texts: Sequence[Sequence[int]]) -> "tuple[Network, dict[str, np.ndarray]]":
        """Return a network whose activations are easier to round, and factors of the inputs of products, by name, with
        which it computes the same; by default the network itself, and none.

        Parameters
        ----------
        texts : sequence of sequence of int
            Typical texts.
        """
        return self, {}

    def of_layer(self, index: int | None) -> tuple[Product, ...]:
        """Return the products of a layer, or those after all layers."""
        return tuple(product for product in self.products if product.layer == index)

    def after(self, index: int, tensors: Tensors, states: States, on_input: OnInput | None = None) -> Outputs:
        """Return the outputs, given the input of a layer."""
        for layer in range(index, self.layers):
            states = self.layer(layer, tensors, states, on_input)
        return self.end(tensors, states, on_input)


class Collected:
    """Collects the moments of the inputs of products; ``on_input`` may round the inputs first."""

    def __init__(self, products: Sequence[Product], on_input: OnInput | None):
        self.sums: dict[str, np.ndarray] = {}
        self.names, self.on_input = {product.name for product in products}, on_input

    def __call__(self, name: str, values: np.ndarray) -> np.ndarray:
        """Take the input of a product."""
        values = self.on_input(name, values) if self.on_input else values
        if name in self.names:
            single = values.astype(np.float32)
            sums = (single.T @ single).astype(np.float64)
            self.sums[name] = self.sums[name] + sums if name in self.sums else sums
        return values

    def moments(self) -> dict[str, Moments]:
        """Return the moments of each product; products with the same inputs share them."""
        found: dict[str, Moments] = {}
        for name, sums in self.sums.items():
            equal = next((each for each in found.values() if np.array_equal(each.products, sums)), None)
            found[name] = equal or Moments(sums)
        return found
