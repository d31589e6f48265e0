"""Three texts for a plan, none of which contains another: for calibration, for selection among plans, for the test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.cache import content_hash, remember
from tilewright.base.errors import ConfigError
from tilewright.base.reading import read_text
from tilewright.mapping.models import minilm
from tilewright.mapping.models.readers import Checkpoint
from tilewright.mapping.models.reference import FloatDecoder
from tilewright.mapping.models.sampling import Sampler, Sampling

FOLDER = Path(__file__).parent / "texts"
PARTS = ("calibration", "selection", "test")
TOKENS = 2048
"""Number of tokens of the calibration text of a decoder; selection and test have half as many, a text of the user for
the test excepted."""
PIECE = 128
"""Maximum number of tokens of a piece of a decoder's calibration and selection texts."""
SAMPLED_WEIGHTS = 16 << 20
"""Number of weights up to which a decoder writes its texts itself; larger ones take too long for that."""

Tokens = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Texts:
    """Texts as tokens, in pieces that do not see each other."""

    calibration: Tokens
    """Pieces on which rounding depends."""
    selection: Tokens
    """Pieces on which sensitivities are measured, and plans are chosen."""
    test: Tokens
    """Pieces on which nothing depends but the measures that are reported."""

    @property
    def digest(self) -> str:
        """Hash of all tokens."""
        return content_hash([self.calibration, self.selection, self.test])


def sentences(files: dict[str, Path | None]) -> Texts:
    """Return sentences, a line each, for an encoder: those of the user's files, or our own."""
    found = {}
    for part in PARTS:
        path = files.get(part) or FOLDER / f"{part}.txt"
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
        if len(lines) < 2:
            raise ConfigError(f"{part} {path}: there must be at least two sentences, a line each")
        found[part] = tuple(tuple(minilm.tokens_of(line)) for line in lines)
    return disjoint(Texts(**found))


def decoder_texts(
    checkpoint: Checkpoint, identity: str, weights: int, tokens: int, files: dict[str, Path | None]
) -> Texts:
    """Return texts for a decoder: those of the user's files; otherwise a small decoder writes its own, and others get
    ours.

    Parameters
    ----------
    identity : str
        Hash of the decoder's tensors.
    weights : int
        Number of weights of its products.
    tokens : int
        Number of tokens of the calibration text.
    """
    writes = weights <= SAMPLED_WEIGHTS or checkpoint.tokenizer is None
    found = {}
    for seed, part in enumerate(PARTS, 1):
        path = files.get(part)
        count = tokens if part == "calibration" else -(-tokens // 2)
        if path is None and writes:
            found[part] = _written(checkpoint, identity, count, seed)
            continue
        if checkpoint.tokenizer is None:
            raise ConfigError(f"{part} is not allowed: {checkpoint.path} has no tokenizer")
        encoded = checkpoint.tokenizer.encode(read_text(path or FOLDER / f"{part}.txt"))
        if max(encoded, default=0) >= checkpoint.model.vocab_size or len(encoded) < 2:
            raise ConfigError(f"{part} {path}: the model has no tokens for this text, or fewer than two")
        whole = path is not None and part == "test"
        length = checkpoint.model.positions if whole else PIECE
        found[part] = _pieces(checkpoint, encoded if whole else encoded[:count], length)
    return disjoint(Texts(**found))


def _pieces(checkpoint: Checkpoint, encoded: Sequence[int], length: int) -> Tokens:
    """Return a text in pieces, each of which begins as a text does."""
    assert checkpoint.tokenizer
    begin = tuple(checkpoint.tokenizer.encode(""))
    rest, step = tuple(encoded[len(begin) :]), min(length, checkpoint.model.positions) - len(begin)
    pieces = [begin + rest[first : first + step] for first in range(0, len(rest), step)]
    return tuple(piece for piece in pieces if len(piece) > 1)


def _written(checkpoint: Checkpoint, identity: str, count: int, seed: int) -> Tokens:
    """Return texts that a decoder writes, each token drawn with the probability that the decoder gives to it."""

    def write() -> dict[str, Tokens]:
        model = checkpoint.model
        tensors = {name: checkpoint.tensors[name].astype("float64") for name in checkpoint.tensors}
        begin = checkpoint.tokenizer.encode("") if checkpoint.tokenizer else []
        sampler = Sampler(Sampling(temperature=1.0, seed=seed))
        length = min(PIECE, model.positions)
        pieces = []
        for number in range(-(-count // length)):
            piece = list(begin) or [(seed * 7919 + number * 104729) % model.vocab_size]
            decoder = FloatDecoder(model, tensors, context=length)
            logits = decoder.logits(piece)
            while len(piece) < length:
                piece.append(sampler.choose(logits[-1]))
                logits = decoder.logits(piece[-1:])
            pieces.append(tuple(piece))
        return {"pieces": tuple(pieces)}

    kept = remember("precision-texts")([identity, str(count), str(seed), str(PIECE)], write)
    return tuple(tuple(piece) for piece in kept["pieces"])


def disjoint(texts: Texts) -> Texts:
    """Refuse texts of which one has a piece of another."""
    for part, other in (("selection", "calibration"), ("test", "calibration"), ("test", "selection")):
        common = set(getattr(texts, part)) & set(getattr(texts, other))
        if common:
            raise ConfigError(f"{part}: it has a piece of {other}, {len(common)} in all: what is measured must be new")
    return texts
