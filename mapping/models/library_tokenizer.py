"""Tokenizers of Hugging Face's ``tokenizer.json``, by the library tokenizers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tilewright.base.errors import ConfigError, suggest
from tilewright.base.reading import read_text
from tilewright.base.text import shown

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
        return self._encoded(text, complete=True)

    def encode_marked(self, text: str) -> list[int]:
        return self._encoded(text, complete=False)

    def _encoded(self, text: str, *, complete: bool) -> list[int]:
        """Return the tokens of a text, with the special tokens that belong to every text if it is to be complete."""
        try:
            return list(self.library.encode(text, add_special_tokens=complete).ids)
        except Exception as error:  # the library raises this very class
            word = self._unknown(text)
            words = self.library.get_vocab()
            hint = suggest(word.lower(), words) if len(words) <= MAX_SHOWN else ""
            raise ConfigError(f"{shown(word)} is not allowed: the tokenizer has no token for it{hint}") from error

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.library.decode(list(tokens)))

    def _unknown(self, text: str) -> str:
        """Return the first word of a text for which the library has no tokens."""
        for word in text.split():
            try:
                self.library.encode(word)
            except Exception:
                return word
        return text


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
MAX_SHOWN = 256
"""Size of the largest vocabulary whose words a message may list."""
