"""Tokenizers of GGUF files that merge bytes in pairs, made with the library tokenizers."""

from collections.abc import Sequence
from pathlib import Path

from tilewright.base.errors import ConfigError, suggest
from tilewright.mapping.models.library_tokenizer import LibraryTokenizer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CONTRACTIONS, WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = rf"{CONTRACTIONS}|{WORDS}|\p{{N}}{{1,3}}|{REST}"
QWEN2 = rf"{CONTRACTIONS}|{WORDS}|\p{{N}}|{REST}"
SPLITS: dict[str, tuple[str, bool]] = {
    "gpt-2": (GPT2, False),
    "default": (GPT2, False),
    "smollm": (GPT2, True),
    "refact": (GPT2, True),
    "llama-bpe": (LLAMA3, False),
    "smaug-bpe": (LLAMA3, False),
    "qwen2": (QWEN2, False),
}
"""Patterns of the parts into which a text is split before bytes are merged, and whether each digit is a part, by their
names in files."""


def merged_tokenizer(
    path: Path,
    pieces: Sequence[str],
    merges: Sequence[str],
    *,
    special: Sequence[str],
    split: str,
    ends: frozenset[int],
    begin: int | None = None,
) -> LibraryTokenizer:
    """Return a tokenizer that merges neighbours of the bytes of a part of a text, in the order of ``merges``.

    Parameters
    ----------
    special : sequence of str
        Pieces that are found in a text before it is split.
    split : str
        Name of the split, of :data:`SPLITS`.
    begin : int, optional
        Token that begins every text.

    Raises
    ------
    ConfigError
        If there is no such split, or pieces and merges do not fit.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

    if split not in SPLITS:
        raise ConfigError(f"{path}: tokenizer.ggml.pre = {split!r} is not allowed{suggest(split, SPLITS)}")
    pattern, digits = SPLITS[split]
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    try:
        library = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))  # type: ignore[arg-type]
    except Exception as error:  # the library raises this very class
        raise ConfigError(f"{path}: not a tokenizer: {' '.join(str(error).split())}") from error
    library.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *([pre_tokenizers.Digits(individual_digits=True)] if digits else []),
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    library.decoder = decoders.ByteLevel()
    library.add_special_tokens([AddedToken(piece, normalized=False) for piece in special])
    if begin is not None and begin < len(pieces):
        library.post_processor = processors.TemplateProcessing(single="<begin> $A", special_tokens=[("<begin>", begin)])
    return LibraryTokenizer(library, ends)
