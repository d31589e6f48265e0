"""Tiny models in files: Hugging Face folders, GGUF files, checkpoints of llama2.c."""

import json
import struct
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, quants
from gguf.constants import GGMLQuantizationType
from safetensors.numpy import save_file

from tests.mapping.tiny_models import OPTIONS, SIZES, tiny
from tilewright.mapping.models import llama
from tilewright.mapping.models.seeded import seeded_model

WORDS = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"once": 0, "upon": 1, "a": 2, "time": 3, "?": 4}, "unk_token": "?"},
}  # fmt: skip
"""A tokenizer.json of five words."""


def tensors_of(family: str, **changes: object) -> dict[str, np.ndarray]:
    """Return the tensors of a tiny model, float32, its head that of its embeddings if they are tied."""
    model = tiny(family, **changes)
    tensors = {name: each.astype(np.float32) for name, each in seeded_model(model, seed=4).items()}
    if model.tie_word_embeddings:
        tensors[f"{llama.HEAD}.weight"] = tensors[f"{llama.EMBEDDINGS}.weight"]
    return tensors


def write_folder(folder: Path, family: str, tensors: dict[str, np.ndarray], **changes: object) -> Path:
    """Write a folder in one file, with tensors as they are."""
    folder.mkdir(exist_ok=True)
    config = {**SIZES, **OPTIONS[family], "model_type": family, **changes}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(WORDS))
    save_file({name: np.ascontiguousarray(each) for name, each in tensors.items()}, folder / "model.safetensors")
    return folder


def in_files(family: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return tensors as files of a family have them."""
    tensors = dict(tensors)
    if tiny(family).tie_word_embeddings:
        del tensors[f"{llama.HEAD}.weight"]
    if family.startswith("gemma"):
        return {name: each - 1 if "norm" in name else each for name, each in tensors.items()}
    if family != "phi3":
        return tensors
    for layer in range(3):
        name = f"model.layers.{layer}."
        for fused, parts in (("self_attn.qkv_proj", "qkv"), ("mlp.gate_up_proj", ("gate", "up"))):
            block = fused.split(".")[0]
            rows = [tensors.pop(f"{name}{block}.{part}_proj.weight") for part in parts]
            # Heads of 12 of which 6 turn: 0, 1, 2 and 6, 7, 8 are pairs, and 3 to 5 and 9 to 11 stay.
            if block == "self_attn":
                rows[:2] = [
                    each.reshape(-1, 12, 64)[:, [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]].reshape(-1, 64)
                    for each in rows[:2]
                ]
            tensors[f"{name}{fused}.weight"] = np.concatenate(rows)
    return tensors


GGUF_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
CHARACTERS = [chr(each) for each in range(33, 127)] + ["\u0120", "\u0120a", "ab", "<end>"]


def write_gguf(
    path: Path,
    tensors: dict[str, np.ndarray],
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    *,
    chat: str = "",
    begins: bool = False,
    **metadata: object,
) -> Path:
    """Write a Llama without biases, with products quantised; rows of queries and keys have pairs side by side.

    With a template of chats, the token that ends a text stands before it, too; ``begins`` says whether before any.
    """
    return _write_gguf(path, "llama", tensors, kind, metadata, chat=chat, begins=begins)


def write_gguf_of(path: Path, architecture: str, tensors: dict[str, np.ndarray], **metadata: object) -> Path:
    """Write a model of another architecture, with tensors as they are, by their names in GGUF files."""
    return _write_gguf(path, architecture, tensors, GGMLQuantizationType.F32, metadata)


def _write_gguf(
    path: Path,
    architecture: str,
    tensors: dict[str, np.ndarray],
    kind: GGMLQuantizationType,
    metadata: dict[str, object],
    chat: str = "",
    begins: bool = False,
) -> Path:
    writer = GGUFWriter(path, architecture)
    sizes = {
        "embedding_length": 64, "feed_forward_length": 96, "block_count": 3, "attention.head_count": 4,
        "attention.head_count_kv": 2, "attention.key_length": 16, "context_length": 64, **metadata,
    }  # fmt: skip
    for key, value in sizes.items():
        writer.add_key_value(f"{architecture}.{key}", value, _kind(value))
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(CHARACTERS)
    writer.add_token_merges(["a b", "\u0120 a"])
    writer.add_token_types([1] * (len(CHARACTERS) - 1) + [3])
    writer.add_eos_token_id(len(CHARACTERS) - 1)
    if chat:
        writer.add_chat_template(chat)
        writer.add_bos_token_id(len(CHARACTERS) - 1)
        writer.add_add_bos_token(begins)
    for name, values in tensors.items():
        if architecture != "llama":
            writer.add_tensor(name, np.ascontiguousarray(values))
            continue
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = values.reshape(-1, 16, 64)
            values = np.stack([heads[:, :8], heads[:, 8:]], axis=2).reshape(values.shape)
        whole = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
        stem = name.removesuffix(".weight")
        if stem not in whole:
            layer, part = stem.removeprefix("model.layers.").split(".", 1)
            whole[stem] = f"blk.{layer}.{GGUF_NAMES[part]}"
        values = np.ascontiguousarray(values)
        if values.ndim == 2 and kind != GGMLQuantizationType.F32:
            writer.add_tensor(f"{whole[stem]}.weight", quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{whole[stem]}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _kind(value: object) -> object:
    from gguf.constants import GGUFValueType

    return {int: GGUFValueType.UINT32, float: GGUFValueType.FLOAT32, str: GGUFValueType.STRING}[type(value)]


def write_llama2c(path: Path, tensors: dict[str, np.ndarray], version: int) -> Path:
    """Write a checkpoint of version 0 or 1 of a Llama with its own head; rows of queries and keys have pairs side by side."""

    def of_layers(part: str) -> bytes:
        made = []
        for layer in range(3):
            values = tensors[f"model.layers.{layer}.{part}.weight"]
            if part in ("self_attn.q_proj", "self_attn.k_proj"):
                heads = values.reshape(-1, 16, 64)
                values = np.stack([heads[:, :8], heads[:, 8:]], axis=2).reshape(values.shape)
            made.append(values.astype("<f4").tobytes())
        return b"".join(made)

    attention = [of_layers(f"self_attn.{part}_proj") for part in "qkvo"]
    network = [of_layers(f"mlp.{part}_proj") for part in ("gate", "down", "up")]
    norms = of_layers("input_layernorm"), of_layers("post_attention_layernorm")
    embeddings, last, head = (
        tensors[f"{name}.weight"].astype("<f4").tobytes() for name in ("model.embed_tokens", "model.norm", "lm_head")
    )
    sizes = [64, 96, 3, 4, 2, 300 if version else -300, 64]
    if version:
        header = struct.pack("<Ii7iB", 0x616B3432, 1, *sizes, 0).ljust(256, b"\0")
        data = [*norms, last, embeddings, *attention, *network, head]
    else:
        header = struct.pack("<7i", *sizes)
        data = [embeddings, norms[0], *attention, norms[1], *network, last, bytes(2 * 64 * 8 * 4), head]
    path.write_bytes(header + b"".join(data))
    return path


def write_pieces(path: Path, count: int = 300) -> Path:
    """Write a tokenizer of llama2.c: bytes, the letters, and some unions of them."""
    pieces = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % each for each in range(256))]
    pieces += [b" ", b"a", b"b", b"c", b"ab", b" a", b"abc", b" abc"]
    pieces += [b"%d#" % each for each in range(count - len(pieces))]
    scores = {b"ab": 3.0, b" a": 2.0, b"abc": 1.0, b" abc": 4.0}
    path.write_bytes(
        struct.pack("<i", 8) + b"".join(struct.pack("<fi", scores.get(each, 0.0), len(each)) + each for each in pieces)
    )
    return path
