"""Files of llama.cpp (GGUF), by the library gguf; quantised tensors are dequantised."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tilewright.base.errors import ConfigError, suggest
from tilewright.base.reading import Parsed
from tilewright.base.text import shown
from tilewright.mapping.models import llama
from tilewright.mapping.models.chat import ChatTemplate
from tilewright.mapping.models.config import BertConfig, DecoderConfig
from tilewright.mapping.models.load import parse_config
from tilewright.mapping.models.rows import Rows, successive
from tilewright.mapping.models.scored_tokenizer import BYTES, FIRST_BYTE, ScoredTokenizer
from tilewright.mapping.models.tensors import in_halves, is_gain, tensor_shapes, turned_last, turning
from tilewright.mapping.models.tokenizer import Tokenizer

from .checkpoint import Checkpoint, LazyTensors, Reader, check_stored, check_vocabulary
from .gguf_tokenizer import merged_tokenizer

if TYPE_CHECKING:
    from gguf import GGUFReader, ReaderTensor

ARCHITECTURES = {
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "phi3": "phi3",
    "smollm3": "smollm3",
    "granite": "granite",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3": "gemma3_text",
}
"""Families by the architecture that a file names; files of Mistral name llama."""
NEIGHBOURS = ("llama", "smollm3", "granite")
"""Architectures whose files have the two elements of a pair side by side in rows of queries and keys."""
FIELDS = {
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "block_count": "num_hidden_layers",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "context_length": "max_position_embeddings",
    "rope.freq_base": "rope_theta",
    "rope.freq_base_swa": "rope_local_base_freq",
    "attention.sliding_window": "sliding_window",
    "embedding_scale": "embedding_multiplier",
    "residual_scale": "residual_multiplier",
    "attention.scale": "attention_multiplier",
    "logit_scale": "logits_scaling",
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
}
"""Keys of a description by the keys of a file, after the name of the architecture."""
SCALING = {
    "rope.scaling.type": "rope_type",
    "rope.scaling.factor": "factor",
    "rope.scaling.original_context_length": "original_max_position_embeddings",
    "rope.scaling.attn_factor": "attention_factor",
    "rope.scaling.yarn_beta_fast": "beta_fast",
    "rope.scaling.yarn_beta_slow": "beta_slow",
}
"""Keys of a scaling of rotary embedding likewise."""
WITHOUT_EFFECT = (
    "vocab_size", "rope.dimension_count", "attention.value_length", "rope.scaling.finetuned", "tensor_data_layout",
    "attention.causal",
)  # fmt: skip
"""Other keys, which say again what tensors and other keys say, or change nothing."""
NAMES = {
    "attn_norm": llama.NORM,
    "attn_q": llama.QUERY,
    "attn_k": llama.KEY,
    "attn_v": llama.VALUE,
    "attn_output": llama.OUTPUT,
    "attn_q_norm": llama.QUERY_NORM,
    "attn_k_norm": llama.KEY_NORM,
    "attn_qkv": "self_attn.qkv_proj",
    "ffn_norm": llama.SECOND_NORM,
    "ffn_gate": llama.GATE,
    "ffn_up": llama.UP,
    "ffn_down": llama.DOWN,
}
"""Names of the parts of a layer by those of a file."""
POST_NORMS = {
    "post_attention_norm": llama.FIRST_POST_NORM,
    "ffn_norm": llama.PRE_NORM,
    "post_ffw_norm": llama.LAST_POST_NORM,
}
"""Names likewise of a model with ``post_norms``."""
ADDS_BEGIN = "tokenizer.ggml.add_bos_token"
"""Key that says whether every text begins with a token of its own."""
ROPE_DIVISORS = "rope_freqs.weight"
LONG_DIVISORS, SHORT_DIVISORS = "rope_factors_long.weight", "rope_factors_short.weight"
"""Tensors with the divisors of the frequencies of rotary embedding."""


def read_gguf(path: Path) -> Checkpoint:
    """Return the model of a file; its tensors are read, and dequantised, when they are used.

    Raises
    ------
    ConfigError
        If the file cannot be read or is cut off, has a quantisation that is not understood, or its tensors are not the
        model's.
    """
    reader = _open(path)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    architecture, model = _model(path, reader, stored)
    neighbours = architecture in NEIGHBOURS
    sources: dict[str, Reader] = {}
    wanted: dict[str, tuple[int, ...]] = {}
    for name, shape in tensor_shapes(model).items():
        tied = model.tie_word_embeddings and name == f"{llama.HEAD}.weight"
        source, first = model.stored_as(f"{llama.EMBEDDINGS}.weight" if tied else name)
        file_name = _file_name(model, source)
        wanted[file_name] = (max(first + shape[0], wanted.get(file_name, (0,))[0]), *shape[1:])
        rows = slice(first, first + shape[0])
        if file_name in stored:
            sources[name] = _reader(path, model, name, stored[file_name], rows, neighbours)
    shapes = {name: tuple(int(each) for each in reversed(tensor.shape)) for name, tensor in stored.items()}
    divisors = (ROPE_DIVISORS, LONG_DIVISORS, SHORT_DIVISORS)
    check_stored(path, wanted, shapes, lambda name: name in divisors)
    for name in wanted:
        _check_quantisation(path, stored[name])
    tokenizer = _tokenizer(path, reader)
    if tokenizer:
        check_vocabulary(path, tokenizer, model)
    return Checkpoint(path, model, LazyTensors(path, sources), tokenizer, _chat(path, reader))


def _open(path: Path) -> "GGUFReader":
    from gguf import GGUFReader

    try:
        return GGUFReader(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a damaged file leads to
        text = " ".join(str(error).split())
        if "GGMLQuantizationType" in text:
            number = "".join(filter(str.isdigit, text.split()[0].partition("(")[2] or text.split()[0]))
            raise ConfigError(f"{path}: a tensor has quantisation {number}, which is not known") from error
        raise ConfigError(f"{path}: is cut off, or no GGUF file: {text}") from error


def _model(path: Path, reader: "GGUFReader", stored: dict[str, "ReaderTensor"]) -> tuple[str, DecoderConfig]:
    """Return the architecture and the model that a file describes.

    Raises
    ------
    ConfigError
        If a key is missing, or not understood.
    """
    architecture = _value(reader, "general.architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        near = suggest(str(architecture), ARCHITECTURES)
        raise ConfigError(f"{path}: general.architecture = {shown(architecture)} is not allowed{near}")
    data: dict[str, Any] = {"model_type": ARCHITECTURES[architecture]}
    scaling: dict[str, Any] = {}
    for key in reader.fields:
        if not key.startswith(f"{architecture}."):
            continue
        part, value = key.removeprefix(f"{architecture}."), _value(reader, key)
        if part in FIELDS:
            data[FIELDS[part]] = value
        elif part in SCALING:
            scaling[SCALING[part]] = value
        elif part not in WITHOUT_EFFECT and value not in (0, None):
            raise ConfigError(f"{path}: {key} = {shown(value)} is not allowed: the key is not understood")
    data["vocab_size"] = int(stored["token_embd.weight"].shape[1]) if "token_embd.weight" in stored else None
    data["tie_word_embeddings"] = "output.weight" not in stored
    size = data.get("head_dim") or _quotient(data.get("hidden_size"), data.get("num_attention_heads"))
    turns = _value(reader, f"{architecture}.rope.dimension_count")
    if size and turns and turns != size:
        data["partial_rotary_factor"] = turns / size
    if architecture in ("gemma2", "gemma3"):
        # The factor of scores follows from the size of a head in all but the largest of these models.
        data["query_pre_attn_scalar"] = float(size or 0) or None
    data["rope_scaling"] = _scaling(scaling, stored, data)
    data = {key: value for key, value in data.items() if value is not None}
    model = parse_config(Parsed(path, data, lambda _: None))
    assert not isinstance(model, BertConfig)
    return architecture, model


def _quotient(a: Any, b: Any) -> int | None:
    return a // b if isinstance(a, int) and isinstance(b, int) and b else None


def _scaling(scaling: dict[str, Any], stored: dict[str, "ReaderTensor"], data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the scaling of rotary embedding, whose divisors may be tensors."""
    if scaling.get("rope_type") == "none":
        scaling = {}
    long, short = LONG_DIVISORS, SHORT_DIVISORS
    if ROPE_DIVISORS in stored:
        # The divisors of Llama 3 hold for every context.
        long = short = ROPE_DIVISORS
        scaling = {"original_max_position_embeddings": data.get("max_position_embeddings"), "attention_factor": 1.0}
    if long in stored and short in stored:
        divisors = {key: stored[name].data.tolist() for key, name in (("long_factor", long), ("short_factor", short))}
        return {**scaling, **divisors, "rope_type": "longrope"}
    return scaling or None


def _value(reader: "GGUFReader", key: str) -> Any:
    field = reader.fields.get(key)
    return None if field is None else field.contents()


def _file_name(model: DecoderConfig, name: str) -> str:
    """Return the name that a tensor has in a file."""
    whole = {llama.EMBEDDINGS: "token_embd", llama.FINAL_NORM: "output_norm", llama.HEAD: "output"}
    stem, _, end = name.rpartition(".")
    if stem in whole:
        return f"{whole[stem]}.{end}"
    layer, _, part = stem.removeprefix("model.layers.").partition(".")
    parts = {own: file for file, own in {**NAMES, **(POST_NORMS if model.post_norms else {})}.items()}
    # Gate and up are one tensor under the name of up.
    parts["mlp.gate_up_proj"] = "ffn_up"
    return f"blk.{layer}.{parts[part]}.{end}"


def _reader(
    path: Path,
    model: DecoderConfig,
    name: str,
    tensor: "ReaderTensor",
    own: slice,
    neighbours: bool,
) -> Reader:
    """Return a function that reads a tensor from its ``own`` rows of one of the file, as :mod:`.tensors` has it."""
    place, dtype, shape, kind = int(tensor.data_offset), tensor.data.dtype, tensor.data.shape, tensor.tensor_type
    inner = [int(size) for size in reversed(tensor.shape)][1:]

    def stored_rows(runs: list[slice]) -> np.ndarray:
        from gguf import dequantize

        # The file is mapped for as long as a tensor is read, or its pages would stay in memory.
        data = np.memmap(path, dtype, "r", offset=place, shape=shape)
        found = [np.array(dequantize(data[run], kind), np.float32) for run in runs if run.start < run.stop]
        return np.concatenate(found) if found else np.zeros((0, *inner), np.float32)

    def read(rows: Rows) -> np.ndarray:
        if not turning(name):
            # Gains are factors already.
            return stored_rows(successive(rows, own))
        values = stored_rows([own])
        if neighbours and not is_gain(name):
            return in_halves(model.head_dim, values)[rows]
        return turned_last(model, values)[rows]

    return read


def _check_quantisation(path: Path, tensor: "ReaderTensor") -> None:
    """Refuse a quantisation that the library cannot undo.

    Raises
    ------
    ConfigError
        Names the tensor and its quantisation.
    """
    from gguf import GGMLQuantizationType, quants

    known = {GGMLQuantizationType.F32, GGMLQuantizationType.F16, *quants._type_traits}
    if tensor.tensor_type not in known:
        names = ", ".join(sorted(kind.name for kind in known))
        raise ConfigError(f"{path}: tensor '{tensor.name}' has quantisation {tensor.tensor_type.name}: one of {names}")


def _tokenizer(path: Path, reader: "GGUFReader") -> Tokenizer | None:
    """Return the tokenizer of a file; None if it has none of the kinds that are understood."""
    kind, pieces = _value(reader, "tokenizer.ggml.model"), _value(reader, "tokenizer.ggml.tokens")
    end = _value(reader, "tokenizer.ggml.eos_token_id")
    if kind == "gpt2" and pieces:
        return merged_tokenizer(
            path,
            pieces,
            _value(reader, "tokenizer.ggml.merges") or [],
            special=[
                piece
                for piece, sort in zip(pieces, _value(reader, "tokenizer.ggml.token_type") or [], strict=False)
                if sort in (CONTROL, USER_DEFINED)
            ],
            split=str(_value(reader, "tokenizer.ggml.pre")),
            ends=frozenset({end} - {None}),
            begin=_value(reader, "tokenizer.ggml.bos_token_id") if _value(reader, ADDS_BEGIN) else None,
        )
    if kind == "llama" and pieces and pieces[FIRST_BYTE : FIRST_BYTE + BYTES] == [f"<0x{n:02X}>" for n in range(BYTES)]:
        texts = tuple(piece.replace("\u2581", " ").encode() for piece in pieces)
        return ScoredTokenizer(texts, tuple(_value(reader, "tokenizer.ggml.scores") or [0.0] * len(texts)))
    return None


def _chat(path: Path, reader: "GGUFReader") -> ChatTemplate | None:
    """Return the template of chats, if the file has one."""
    template, pieces = _value(reader, "tokenizer.chat_template"), _value(reader, "tokenizer.ggml.tokens") or []
    if not isinstance(template, str):
        return None
    numbers = (_value(reader, f"tokenizer.ggml.{part}_token_id") for part in ("bos", "eos"))
    begin, end = (pieces[number] if isinstance(number, int) and number < len(pieces) else "" for number in numbers)
    return ChatTemplate(path, template, begin, end)


CONTROL, USER_DEFINED = 3, 4
"""Types of tokens that stand for no text, or are found in a text before it is split."""
