"""Typical texts, on which the reference shows how large the activations of a decoder are."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.llama import EMBEDDINGS
from tilewright.mapping.models.readers import Checkpoint
from tilewright.mapping.models.rows import ALL, Formats, HasScales, Rows, RowScales, formats_of, rows_of
from tilewright.mapping.models.tokenizer import Tokenizer
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision

from .equalisation import Equalised, equalised, offset_names

TOKENS = 256
"""Maximum number of tokens of typical texts that are run."""
SEED = 1
TEXT = """\
Once upon a time there was a girl named Lily who lived near the sea. Every morning she walked along the beach with her
little dog and looked for shells. One day the dog found a small blue bottle in the sand. "Look, there is a letter in
it!" said Lily. She was very happy and ran home to show it to her mother.

The committee published its report on water quality in October 2019. It found that 3 of 12 rivers had become cleaner,
because farms used less fertiliser and two old factories were closed. Prices rose by 4.5 percent in the same year.

Question: What is the capital of France, and how many people live there?
Answer: The capital of France is Paris. About two million people live in the city, and many more live around it.

To sort a list of numbers, compare each pair of neighbours and swap them if they are in the wrong order:
def sort(items):
    for i in range(len(items)):
        for j in range(len(items) - 1 - i):
            if items[j] > items[j + 1]:
                items[j], items[j + 1] = items[j + 1], items[j]
    return items
"""
"""Texts of our own: a story, facts and numbers, a question, a program."""


class Calibrated(Mapping[str, np.ndarray]):
    """Tensors of a checkpoint, equalised on typical texts as :func:`.equalised` says, for an accelerator.

    The texts are run when a tensor is asked for that depends on them. Weights of fewer than eight bits keep their
    columns: they lose more by factors than activations gain, and so do weights that are rounded already. Keys have
    offsets with any weights.

    Parameters
    ----------
    finest : bool
        Whether activations are FP32, and the inputs of all products but ``o`` in parts, not only where that gains most
        for the least cycles.
    """

    def __init__(self, checkpoint: Checkpoint, config: AcceleratorConfig, *, finest: bool = False):
        self.checkpoint = checkpoint
        self.finest = finest
        """Whether the numbers of an INT8 array are the finest: a :class:`.SaysHowFine`."""
        rounded = isinstance(checkpoint.tensors, HasScales)
        self.columns = Precision.of_accelerator(config).weights.bits >= stored.INT8.bits and not rounded
        """Whether columns are equalised."""

    @cached_property
    def equalised(self) -> Equalised:
        """Tensors of the model, equalised on typical texts."""
        model, texts = self.checkpoint.model, [typical_tokens(self.checkpoint.model, self.checkpoint.tokenizer)]
        columns = self.columns
        return equalised(model, self.checkpoint.tensors, texts, norms=columns, networks=columns, pairs=columns)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows(name, ALL)

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        if name == f"{EMBEDDINGS}.weight":
            return rows_of(self.checkpoint.tensors, name, rows)
        return self.equalised.rows(name, rows)

    def scales(self, name: str, rows: Rows) -> RowScales | None:
        """Return the scales of some rows of a tensor; None if it has none."""
        return self.equalised.scales(name, rows)

    @property
    def formats(self) -> Formats:
        """Formats of the weights of products that have one of their own."""
        return formats_of(self.checkpoint.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self.checkpoint.tensors or name in offset_names(self.checkpoint.model)

    def __iter__(self) -> Iterator[str]:
        return iter([*self.checkpoint.tensors, *offset_names(self.checkpoint.model)])

    def __len__(self) -> int:
        return len(self.checkpoint.tensors) + len(offset_names(self.checkpoint.model))


def typical_tokens(model: DecoderConfig, tokenizer: Tokenizer | None) -> Sequence[int]:
    """Return the tokens of typical texts, or random ones of a model without a tokenizer, or one that has other words
    alone."""
    count = min(TOKENS, model.positions)
    if tokenizer is not None:
        try:
            found = tokenizer.encode(TEXT)
        except ConfigError:
            found = []
        if found and max(found) < model.vocab_size:
            return found[:count]
    return [int(token) for token in np.random.default_rng(SEED).integers(model.vocab_size, size=count)]
