"""Tokenizers as SentencePiece's for Llama 2: pieces of text with scores; the best neighbours are merged first."""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_bytes

BEGIN, END = 1, 2
"""Tokens that begin and end every text."""
FIRST_BYTE = 3
"""Token of byte 0; the tokens of the other bytes follow."""
BYTES = 256


@dataclass(frozen=True)
class ScoredTokenizer:
    """Pieces of text with scores: token 1 begins a text, 2 ends it, 3 to 258 are bytes.

    Characters that are no piece become the tokens of their bytes. Then the two neighbours whose union has the highest
    score are merged, the first ones of equal scores, until no union is a piece.
    """

    pieces: tuple[bytes, ...]
    scores: tuple[float, ...]

    @property
    def size(self) -> int:
        return len(self.pieces)

    @property
    def ends(self) -> frozenset[int]:
        # In the files of llama2.c a text ends where the next one would begin.
        return frozenset({BEGIN, END})

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        numbers: dict[bytes, int] = {}
        for number, piece in enumerate(self.pieces):
            if number >= FIRST_BYTE + BYTES or number < FIRST_BYTE:
                numbers.setdefault(piece, number)
        return numbers

    def encode(self, text: str) -> list[int]:
        return [BEGIN, *self._encoded(text)]

    def encode_marked(self, text: str) -> list[int]:
        marks = {self.pieces[number].decode(errors="replace"): number for number in (BEGIN, END)}
        tokens: list[int] = []
        for part in re.split(f"({'|'.join(re.escape(mark.strip()) for mark in marks)})", text):
            number = next((number for mark, number in marks.items() if mark.strip() == part), None)
            tokens += self._encoded(part) if number is None else [number]
        return tokens

    def _encoded(self, text: str) -> list[int]:
        """Return the tokens of a text in which no token is spelled out."""
        tokens: list[int] = []
        # A text begins with a blank, as any word does.
        for character in f" {text}" if text else "":
            data = character.encode()
            number = self._numbers.get(data)
            tokens += [number] if number is not None else [FIRST_BYTE + byte for byte in data]
        while True:
            unions = [
                (-self.scores[number], place, number)
                for place in range(len(tokens) - 1)
                if (number := self._numbers.get(self.pieces[tokens[place]] + self.pieces[tokens[place + 1]]))
                is not None
            ]
            if not unions:
                return tokens
            _, place, number = min(unions)
            tokens[place : place + 2] = [number]

    def decode(self, tokens: Sequence[int]) -> str:
        data = b"".join(self._text(token) for token in tokens if token not in (BEGIN, END))
        return data.removeprefix(b" ").decode(errors="replace")

    def _text(self, token: int) -> bytes:
        first = FIRST_BYTE
        return bytes([token - first]) if first <= token < first + BYTES else self.pieces[token]


def read_scored_tokenizer(path: Path, size: int) -> ScoredTokenizer:
    """Return the tokenizer of a file of llama2.c: the longest piece's length, then score, length and bytes of each.

    Parameters
    ----------
    size : int
        Number of pieces that the model has.

    Raises
    ------
    ConfigError
        If the file cannot be read, or has more or fewer pieces.
    """
    data = read_bytes(path)
    pieces: list[bytes] = []
    scores: list[float] = []
    place = 4
    while place < len(data):
        if place + 8 > len(data):
            raise ConfigError(f"{path}: is cut off after {len(pieces):,} pieces")
        score, length = struct.unpack_from("<fi", data, place)
        place += 8
        if not 0 <= length <= len(data) - place:
            raise ConfigError(
                f"{path}: piece {len(pieces)} of {length} bytes is not allowed: {len(data) - place} follow"
            )
        pieces.append(data[place : place + length])
        scores.append(score)
        place += length
    if len(pieces) != size:
        raise ConfigError(f"{path}: has {len(pieces):,} pieces, and the model {size:,} tokens: it is not the model's")
    if size < FIRST_BYTE + BYTES:
        raise ConfigError(f"{path}: {size} pieces are not allowed: the first {FIRST_BYTE + BYTES} stand for bytes")
    return ScoredTokenizer(tuple(pieces), tuple(scores))
