"""Checkpoints of llama2.c: versions 0 and 1, float32, with a tokenizer file beside them."""

import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from tilewright.base.errors import ConfigError, first_problem
from tilewright.base.reading import list_folder
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.scored_tokenizer import read_scored_tokenizer
from tilewright.mapping.models.tensors import Shape, in_halves

from .checkpoint import Checkpoint, LazyTensors, Reader

MAGIC = 0x616B3432
"""First number of a file of version 1 or later: ak42."""
FIELDS = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
          "vocab_size", "max_position_embeddings")  # fmt: skip
"""Numbers of the header in their order, under Hugging Face's names."""
HEADER_BYTES = {0: 4 * len(FIELDS), 1: 256}
TOKENIZERS = ("tok", "tokenizer")
"""Beginnings of the names of tokenizer files."""


def is_checkpoint(path: Path) -> bool:
    """Return whether a file has the name of a checkpoint of llama2.c."""
    return path.suffix == ".bin" and not path.name.startswith(TOKENIZERS)


def read_llama2c(path: Path) -> Checkpoint:
    """Return the model of a checkpoint, with the tokenizer that lies beside it, if there is one.

    Raises
    ------
    ConfigError
        If a file cannot be read, is not what its header says, or the tokenizer is not the model's.
    """
    model, version = _read_header(path)
    order = list(_in_order(model, version))
    counts = (prod(shape) * (model.num_hidden_layers if layered else 1) for _, shape, layered in order)
    size = HEADER_BYTES[version] + 4 * sum(counts)
    found = path.stat().st_size
    if found != size:
        kind = "cut off" if found < size else "too long"
        raise ConfigError(f"{path}: is {kind}: {found:,} bytes, and its header stands for {size:,}")
    numbers = np.memmap(path, np.dtype("<f4"), "r", offset=HEADER_BYTES[version])
    sources, place = {}, 0
    for part, shape, layered in order:
        for layer in range(model.num_hidden_layers if layered else 1):
            name = llama.layer_name(layer, part) if layered else part
            values = numbers[place : place + prod(shape)].reshape(shape)
            place += prod(shape)
            turns = part in (f"{llama.QUERY}.weight", f"{llama.KEY}.weight")
            sources[name] = _reader(values, model.head_dim if turns else 0)
    sources.setdefault(f"{llama.HEAD}.weight", sources[f"{llama.EMBEDDINGS}.weight"])
    for name in [name for name in sources if name.startswith("freq")]:
        del sources[name]
    beside = [each for each in list_folder(path.parent) if each.suffix == ".bin" and each.name.startswith(TOKENIZERS)]
    if len(beside) > 1:
        names = ", ".join(each.name for each in beside)
        raise ConfigError(f"{path.parent}: has several tokenizers, {names}: there must be one")
    tokenizer = read_scored_tokenizer(beside[0], model.vocab_size) if beside else None
    return Checkpoint(path, model, LazyTensors(path, sources), tokenizer)


def _reader(values: np.ndarray, head: int) -> Reader:
    """Return a function that reads a tensor; its rows are heads of size ``head`` with neighbours as pairs, unless that
    is 0."""
    if head:
        return lambda rows: in_halves(head, np.array(values))[rows]
    return lambda rows: np.array(values[rows])


def _read_header(path: Path) -> tuple[LlamaConfig, int]:
    """Return the model that a header describes, and the version of the file.

    Raises
    ------
    ConfigError
        If it is no such file, or a number is not allowed.
    """
    try:
        with path.open("rb") as file:
            data = file.read(HEADER_BYTES[1])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) < HEADER_BYTES[0]:
        raise ConfigError(f"{path}: is cut off: {len(data)} bytes are no header of llama2.c")
    version, place = 0, 0
    if struct.unpack_from("<I", data)[0] == MAGIC:
        version, place = struct.unpack_from("<i", data, 4)[0], 8
        if version != 1 or len(data) < HEADER_BYTES[1]:
            raise ConfigError(f"{path}: version = {version} is not allowed: 0 or 1, whose weights are float32")
    fields = dict(zip(FIELDS, struct.unpack_from(f"<{len(FIELDS)}i", data, place), strict=True))
    if version:
        fields["tie_word_embeddings"] = bool(data[place + 4 * len(FIELDS)])
    else:
        fields["tie_word_embeddings"] = fields["vocab_size"] > 0
        fields["vocab_size"] = abs(fields["vocab_size"])
    try:
        return LlamaConfig.model_validate({**fields, "rms_norm_eps": 1e-5}), version
    except ValidationError as error:
        location, problem = first_problem(error)
        field = f"{location[0]} = " if location else ""
        raise ConfigError(f"{path}: not a checkpoint of llama2.c: {field}{problem}") from error


def _in_order(model: LlamaConfig, version: int) -> Iterator[tuple[str, Shape, bool]]:
    """Yield the tensors of a file in their order: name or part of a layer, shape, and whether each layer has one."""
    hidden, ffn, vocabulary = model.hidden_size, model.intermediate_size, model.vocab_size
    embeddings = (f"{llama.EMBEDDINGS}.weight", (vocabulary, hidden), False)
    norm = (f"{llama.NORM}.weight", (hidden,), True)
    attention = [
        (f"{part}.weight", shape, True)
        for part, shape in (
            (llama.QUERY, (model.attention_size, hidden)),
            (llama.KEY, (model.key_value_size, hidden)),
            (llama.VALUE, (model.key_value_size, hidden)),
            (llama.OUTPUT, (hidden, model.attention_size)),
        )
    ]
    second_norm = (f"{llama.SECOND_NORM}.weight", (hidden,), True)
    network = [
        (f"{part}.weight", shape, True)
        for part, shape in ((llama.GATE, (ffn, hidden)), (llama.DOWN, (hidden, ffn)), (llama.UP, (ffn, hidden)))
    ]
    last_norm = (f"{llama.FINAL_NORM}.weight", (hidden,), False)
    if version:
        yield from (norm, second_norm, last_norm, embeddings, *attention, *network)
    else:
        yield from (embeddings, norm, *attention, second_norm, *network, last_norm)
        # Tables of cosines and sines, which nobody reads any more.
        for part in ("freq_cis_real", "freq_cis_imag"):
            yield part, (model.max_position_embeddings, model.head_dim // 2), False
    if not model.tie_word_embeddings:
        yield f"{llama.HEAD}.weight", (vocabulary, hidden), False
