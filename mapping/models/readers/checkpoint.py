"""A model with its weights and its tokenizer, read from files; tensors are read when they are used."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilewright.base.errors import ConfigError, suggest
from tilewright.mapping.models.chat import ChatTemplate
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.rows import ALL, Rows
from tilewright.mapping.models.tensors import Shape
from tilewright.mapping.models.tokenizer import Tokenizer

MAX_NAMED = 3
"""Maximum number of tensors that a message names."""


Reader = Callable[[Rows], np.ndarray]
"""Function that reads some rows of a tensor from a file, as float32."""


class LazyTensors(Mapping[str, np.ndarray]):
    """Tensors by the names of :mod:`.tensors`, float32, each read from its file whenever it is asked for.

    A :class:`.HasRows`: rows of a tensor are read without the others.

    Raises
    ------
    ConfigError
        When a tensor is read, if it cannot be, or a number of it is NaN or infinite; names the file and the tensor.
    """

    def __init__(self, path: Path, sources: Mapping[str, Reader]):
        self.path, self._sources = path, dict(sources)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows(name, ALL)

    def rows(self, name: str, rows: Rows) -> np.ndarray:
        """Return some rows of a tensor, in their order."""
        values = self._sources[name](rows)
        if not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0]
            row = place[0] + (rows.start or 0) if isinstance(rows, slice) else rows[place[0]]
            where = ", ".join(map(str, (row, *place[1:])))
            raise ConfigError(
                f"{self.path}: {name}[{where}] = {values[tuple(place)]} is not allowed: not a finite number"
            )
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, name: object) -> bool:
        return name in self._sources


@dataclass(frozen=True)
class Checkpoint:
    """A decoder with its weights."""

    path: Path
    """File or folder that was read."""
    model: DecoderConfig
    tensors: Mapping[str, np.ndarray]
    """Tensors by the names of :mod:`.tensors`."""
    tokenizer: Tokenizer | None
    """Tokenizer; None if the files have none."""
    chat: ChatTemplate | None = None
    """Template of chats; None if the files have none."""


def check_stored(
    path: Path, wanted: Mapping[str, Shape], stored: Mapping[str, Shape], ignored: Callable[[str], bool]
) -> None:
    """Refuse files whose tensors are not those of the model.

    Parameters
    ----------
    wanted : mapping
        Shapes that the model needs, by the names of the files.
    stored : mapping
        Shapes that the files have.
    ignored : callable
        Whether a tensor that the model does not need changes nothing.

    Raises
    ------
    ConfigError
        Names the file, the tensor, its shape, and what is expected.
    """
    extra = [name for name in stored if name not in wanted and not ignored(name)]
    for name, shape in wanted.items():
        if name not in stored:
            near = suggest(name, extra) if 0 < len(extra) <= MAX_NAMED else ""
            raise ConfigError(f"{path}: tensor '{name}' is missing{near}")
        if stored[name] != shape:
            raise ConfigError(f"{path}: tensor '{name}' has shape {_shown(stored[name])}: it must be {_shown(shape)}")
    if extra:
        raise ConfigError(f"{path}: tensor '{extra[0]}' is not one of the model: it would be left out")


def check_vocabulary(path: Path, tokenizer: Tokenizer, model: DecoderConfig) -> None:
    """Refuse a tokenizer with more tokens than the model has embeddings.

    Raises
    ------
    ConfigError
        Names the file and both numbers.
    """
    if tokenizer.size > model.vocab_size:
        raise ConfigError(
            f"{path}: the tokenizer has {tokenizer.size:,} tokens, and the model only vocab_size = "
            f"{model.vocab_size:,}: it is not the model's"
        )


def _shown(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "()"
