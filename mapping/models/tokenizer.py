"""Tokenizers: text to tokens and back."""

from collections.abc import Sequence
from typing import Protocol


class Tokenizer(Protocol):
    """Text to tokens and back."""

    @property
    def size(self) -> int:
        """Number of tokens, those included that stand for no text."""

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a text."""

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, after the token that begins every text if the model has one.

        Raises
        ------
        ConfigError
            If there is no token for a part of it; names that part.
        """

    def encode_marked(self, text: str) -> list[int]:
        """Return the tokens of a text in which tokens that stand for no text are spelled out, the first one, too.

        Raises
        ------
        ConfigError
            If there is no token for a part of it; names that part.
        """

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of some tokens, those left out that stand for no text."""
