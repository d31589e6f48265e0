"""Tokenizers of Hugging Face's ``tokenizer.json``, by the library tokenizers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Library


@dataclass(frozen=True)
class LibraryTokenizer:
    """A tokenizer of the library, and the tokens that end a text."""

    library: "Library"
    ends: frozenset[int]

    @property
    def size(self) -> int:
        return int(self.library.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        return list(self.library.encode(text).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.library.decode(list(tokens)))


def read_library_tokenizer(path: Path, ends: frozenset[int]) -> LibraryTokenizer:
    """Return the tokenizer of a ``tokenizer.json``.

    Raises
    ------
    ConfigError
        If the file cannot be read, or is none that the library understands.
    """
    from tokenizers import Tokenizer as Library

    text = read_text(path, MAX_BYTES)
    try:
        library = Library.from_str(text)
    except Exception as error:  # the library raises this very class
        raise ConfigError(f"{path}: not a tokenizer: {' '.join(str(error).split())}") from error
    # Files of encoders cut and fill every text to one length.
    library.no_truncation()
    library.no_padding()
    return LibraryTokenizer(library, ends)


MAX_BYTES = 64 << 20
"""Maximum size of a file."""
