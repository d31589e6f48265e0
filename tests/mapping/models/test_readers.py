"""Models with their weights from Hugging Face folders, GGUF files and checkpoints of llama2.c."""

import json
import struct
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from safetensors.numpy import load_file, save_file

from tests.mapping.models.stored_models import (
    CHARACTERS,
    in_files,
    tensors_of,
    write_folder,
    write_gguf,
    write_gguf_of,
    write_llama2c,
    write_pieces,
)
from tests.mapping.tiny_models import OPTIONS, SIZES, tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.models import llama, load_model
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.models.readers.gguf_file import ARCHITECTURES, _file_name
from tilewright.mapping.models.rows import rows_of
from tilewright.mapping.models.tensors import tensor_shapes

PLAIN = {"attention_bias": False, "mlp_bias": False, "rope_scaling": None}
"""Options of a Llama as GGUF files and llama2.c have it."""


@pytest.mark.parametrize("family", OPTIONS)
def test_a_folder_of_every_family(tmp_path, family):
    tensors = tensors_of(family)
    found = read_model(write_folder(tmp_path, family, in_files(family, tensors)))
    assert found.model == tiny(family)
    assert set(found.tensors) == set(tensors)
    for name, values in tensors.items():
        assert found.tensors[name].dtype == np.float32
        assert found.tensors[name] == pytest.approx(values, abs=2e-7), name
    assert found.tokenizer.encode("once upon a time") == [0, 1, 2, 3]
    assert found.tokenizer.decode([0, 3]) == "once time"


@pytest.mark.parametrize("kind", ["folder", "folder of phi3", "gguf", "llama2.c"])
def test_rows_are_read_without_the_others(tmp_path, kind):
    if kind == "gguf":
        path = write_gguf(tmp_path / "model.gguf", tensors_of("llama", **PLAIN), GGMLQuantizationType.Q8_0)
    elif kind == "llama2.c":
        path = write_llama2c(tmp_path / "model.bin", tensors_of("llama", **PLAIN), 1)
    else:
        family = "phi3" if kind.endswith("phi3") else "gemma3_text"
        path = write_folder(tmp_path, family, in_files(family, tensors_of(family)))
    tensors = read_model(path).tensors
    for name in tensors:
        whole = tensors[name]
        for rows in (
            slice(3, 7),
            slice(None, 2),
            slice(5, None),
            slice(2, 1 << 20),
            slice(1 << 19, 1 << 20),
            [4],
            [1, 9, 1, 0],
        ):
            assert (rows_of(tensors, name, rows) == whole[rows]).all(), (name, rows)


def test_shards_half_precision_and_parts_beside_the_text(tmp_path):

    tensors = {f"language_model.{name}": each for name, each in in_files("llama", tensors_of("llama")).items()}
    tensors["vision_tower.patch.weight"] = np.ones((2, 2), np.float32)
    write_folder(tmp_path, "llama", {})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llava", "text_config": config}))
    (tmp_path / "model.safetensors").unlink()
    names = sorted(tensors)
    files = {"a.safetensors": (names[::2], np.float16), "b.safetensors": (names[1::2], ml_dtypes.bfloat16)}
    index = {}
    for file, (part, kind) in files.items():
        save_file({name: tensors[name].astype(kind) for name in part}, tmp_path / file)
        index |= dict.fromkeys(part, file)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    found = read_model(tmp_path)
    for number, name in enumerate(names):
        if name.startswith("language_model"):
            rounded = tensors[name].astype(np.float16 if number % 2 == 0 else ml_dtypes.bfloat16).astype(np.float32)
            assert (found.tensors[name.removeprefix("language_model.")] == rounded).all()
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"b\.safetensors: cannot be read"):
        read_model(tmp_path)


def damaged_folder(folder, what):
    tensors = in_files("llama", tensors_of("llama"))
    name = "model.layers.1.mlp.up_proj.weight"
    if what == "missing":
        del tensors[name]
    elif what == "misnamed":
        tensors["model.layers.1.mlp.up.weight"] = tensors.pop(name)
    elif what == "shape":
        tensors[name] = tensors[name][:-1]
    elif what == "nan":
        tensors[name][3, 5] = np.nan
    elif what == "extra":
        tensors["model.layers.1.mlp.up_proj.scale"] = np.ones(3, np.float32)
    elif what == "integers":
        tensors[name] = tensors[name].astype(np.int8)
    write_folder(folder, "llama", tensors)
    file = folder / "model.safetensors"
    if what == "cut off":
        file.write_bytes(file.read_bytes()[:-100])
    elif what == "no weights":
        file.unlink()
    elif what == "tokenizer":
        words = json.loads((folder / "tokenizer.json").read_text())
        words["model"]["vocab"] |= {f"w{each}": 5 + each for each in range(400)}
        (folder / "tokenizer.json").write_text(json.dumps(words))
    elif what == "no tokenizer":
        (folder / "tokenizer.json").write_text('{"model": 3}')
    elif what == "index":
        (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "../x"}}')
    elif what == "promise":
        (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "model.safetensors"}}')


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", "tensor 'model.layers.1.mlp.up_proj.weight' is missing"),
        ("misnamed", "up_proj.weight' is missing (did you mean 'model.layers.1.mlp.up.weight'?"),
        ("shape", "up_proj.weight' has shape 95 x 64: it must be 96 x 64"),
        ("nan", "up_proj.weight[3, 5] = nan is not allowed: not a finite number"),
        ("extra", "tensor 'model.layers.1.mlp.up_proj.scale' is not one of the model"),
        ("integers", "model.safetensors: tensors of I8 are not allowed: F64, F32, F16, BF16"),
        ("cut off", "model.safetensors: cannot be read: Error while deserializing header"),
        ("no weights", "has no weights: neither model.safetensors nor model.safetensors.index.json is there"),
        ("tokenizer", "tokenizer.json: the tokenizer has 405 tokens, and the model only vocab_size = 300"),
        ("no tokenizer", "tokenizer.json: not a tokenizer: "),
        ("index", "weight_map.x = '../x' is not allowed: it must be the name of a file in the folder"),
        ("promise", "tensor 'x' is missing: model.safetensors.index.json says that it is there"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(tmp_path, what, message):
    damaged_folder(tmp_path, what)
    with pytest.raises(ConfigError) as error:
        dict(read_model(tmp_path).tensors.items())
    assert str(tmp_path) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


KINDS = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_gguf_file(tmp_path, kind):
    tensors = tensors_of("llama", **PLAIN)
    found = read_model(write_gguf(tmp_path / "m.gguf", tensors, GGMLQuantizationType[kind]))
    assert isinstance(found.model, LlamaConfig)
    assert found.model.replace(rms_norm_eps=1e-6) == tiny("llama", **PLAIN)
    bits = {"F32": 0, "F16": 11, "BF16": 8, "Q8_0": 7, "Q4_0": 3, "Q4_1": 4}[kind]
    for name, values in tensors.items():
        # Errors are at most half a step of the largest number of a row, and none for gains.
        allowed = 1.01 * np.abs(values).max() * 2.0**-bits if bits and values.ndim == 2 else 0
        assert np.abs(found.tensors[name] - values).max() <= allowed, name
    text = "ab a ab"
    assert [CHARACTERS[token] for token in found.tokenizer.encode(text)] == ["ab", "\u0120a", "\u0120", "ab"]
    assert found.tokenizer.decode(found.tokenizer.encode(text)) == text
    assert found.tokenizer.ends == {len(CHARACTERS) - 1}
    assert load_model(tmp_path) == found.model, "map takes the folder, too"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_names_of_tensors_in_gguf_files_are_those_of_the_library(architecture):
    from gguf import MODEL_ARCH, get_tensor_name_map

    family = ARCHITECTURES[architecture]
    model = tiny(family)
    names = get_tensor_name_map(MODEL_ARCH[architecture.upper()], model.num_hidden_layers)
    for name in tensor_shapes(model):
        stored, _ = model.stored_as(name)
        if model.tie_word_embeddings and name == f"{llama.HEAD}.weight":
            continue
        assert _file_name(model, stored) == names.get_name(stored, (".weight", ".bias")), name


def in_gguf(family, tensors):
    model = tiny(family)
    return {_file_name(model, name): values for name, values in tensors.items()}


def test_gguf_files_of_other_families(tmp_path):
    """Pairs half a head apart in Qwen3 and Phi-3, fused matrices and divisors in Phi-3, gains that are factors in Gemma."""
    tensors = tensors_of("qwen3")
    found = read_model(write_gguf_of(tmp_path / "q.gguf", "qwen3", in_gguf("qwen3", tensors)))
    assert found.model.qk_norm
    assert all((found.tensors[name] == values).all() for name, values in tensors.items())
    # Files of Gemma have 1 + w.
    tensors = tensors_of("gemma2")
    del tensors[f"{llama.HEAD}.weight"]
    path = write_gguf_of(tmp_path / "g.gguf", "gemma2", in_gguf("gemma2", tensors), **{"attention.sliding_window": 8})
    found = read_model(path)
    assert found.model.tie_word_embeddings
    assert found.model.window(0) == 8
    assert all((found.tensors[name] == values).all() for name, values in tensors.items())
    tensors = tensors_of("phi3")
    stored = in_gguf("phi3", in_files("phi3", tensors))
    divisors = OPTIONS["phi3"]["rope_scaling"]
    stored |= {
        "rope_factors_long.weight": np.array(divisors["long_factor"], np.float32),
        "rope_factors_short.weight": np.array(divisors["short_factor"], np.float32),
    }
    sizes = {"attention.key_length": 12, "rope.dimension_count": 6, "rope.scaling.original_context_length": 8,
             "rope.scaling.attn_factor": 1.25}  # fmt: skip
    found = read_model(write_gguf_of(tmp_path / "p.gguf", "phi3", stored, **sizes))
    assert all((found.tensors[name] == values).all() for name, values in tensors.items())
    for context in (8, 9):
        mine, theirs = found.model.rotary(0, context), tiny("phi3").rotary(0, context)
        assert mine.frequencies == theirs.frequencies
        assert mine.scale == 1.25


def unpacked(scales: bytes, index: int) -> tuple[int, int]:
    """Return the scale and the minimum of a part of a block of Q4_K, six bits each, as ggml packs them."""
    if index < 4:
        return scales[index] & 63, scales[index + 4] & 63
    high = scales[index + 4]
    return (high & 15) | (scales[index - 4] >> 6) << 4, (high >> 4) | (scales[index] >> 6) << 4


def test_blocks_of_256_numbers():
    """Q4_K and Q6_K, block by block, from the definition of ggml."""
    from gguf import dequantize

    data = np.random.default_rng(1).integers(0, 256, 144, np.uint8)
    data[:4] = np.frombuffer(np.array([0.5, 0.25], np.float16).tobytes(), np.uint8)
    expected = []
    for index in range(8):
        scale, least = unpacked(data[4:16].tobytes(), index)
        codes = data[16 + 32 * (index // 2) :][:32]
        codes = codes >> 4 if index % 2 else codes & 15
        expected += [0.5 * scale * int(code) - 0.25 * least for code in codes]
    assert dequantize(data[None], GGMLQuantizationType.Q4_K)[0].tolist() == expected
    data = np.random.default_rng(2).integers(0, 256, 210, np.uint8)
    data[208:] = np.frombuffer(np.array([0.5], np.float16).tobytes(), np.uint8)
    expected = np.zeros(256)
    for half in range(2):
        low, high, scales = (
            data[64 * half :][:64],
            data[128 + 32 * half :][:32],
            data[192 + 8 * half :][:8].view(np.int8),
        )
        for place in range(32):
            for part in range(4):
                four = (low[place + 32 * (part % 2)] >> 4 * (part // 2)) & 15
                code = int(four | ((high[place] >> 2 * part) & 3) << 4) - 32
                expected[128 * half + 32 * part + place] = 0.5 * int(scales[place // 16 + 2 * part]) * code
    assert dequantize(data[None], GGMLQuantizationType.Q6_K)[0].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"llama.embedding_length", b"llama.embedding_lengtk", "llama.embedding_lengtk = 64 is not allowed: the key is not understood"),
        (b"blk.1.ffn_up.weight", b"blk.1.ffn_uq.weight", "tensor 'blk.1.ffn_up.weight' is missing (did you mean 'blk.1.ffn_uq.weight'?"),
        (b"GGUF", b"GGUG", "is cut off, or no GGUF file"),
        (b"smollm", b"smallm", "tokenizer.ggml.pre = 'smallm' is not allowed (did you mean 'smollm'?"),
    ],
)  # fmt: skip
def test_a_damaged_gguf_file_is_refused_in_one_line(tmp_path, old, new, message):
    path = write_gguf(tmp_path / "m.gguf", tensors_of("llama", **PLAIN))
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        read_model(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_quantisations_that_are_not_known(tmp_path):
    path = write_gguf(tmp_path / "m.gguf", tensors_of("llama", **PLAIN))
    data = path.read_bytes()
    name = b"blk.1.ffn_up.weight"
    # After the name: the number of dimensions, two sizes, the quantisation.
    place = data.index(name) + len(name) + 4 + 16
    assert struct.unpack_from("<I", data, place)[0] == GGMLQuantizationType.F32
    for number, message in (
        (999, "quantisation 999, which is not known"),
        (24, "has quantisation I8: one of BF16, F16"),
    ):
        path.write_bytes(data[:place] + struct.pack("<I", number) + data[place + 4 :])
        with pytest.raises(ConfigError, match=message):
            read_model(path)
    for length in (0, 3, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ConfigError, match="is cut off, or no GGUF file"):
            read_model(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"expert_count": 8}, "llama.expert_count = 8 is not allowed: the key is not understood"),
        ({"rope.scaling.type": "longest"}, "rope_scaling.rope_type = 'longest' is not allowed"),
        ({"attention.head_count": 5}, "num_key_value_heads = 2 is not allowed"),
    ],
)
def test_keys_of_a_gguf_file_that_are_not_understood(tmp_path, metadata, message):
    path = write_gguf(tmp_path / "m.gguf", tensors_of("llama", **PLAIN), **metadata)
    with pytest.raises(ConfigError) as error:
        read_model(path)
    assert message in str(error.value)


def test_divisors_of_llama_3_in_a_gguf_file(tmp_path):
    tensors = tensors_of("llama", **PLAIN)
    path = write_gguf(tmp_path / "m.gguf", tensors, **{"rope.dimension_count": 16})
    plain = np.array(read_model(path).model.rotary(0, 8).frequencies)
    from tilewright.mapping.models.readers.gguf_file import _scaling

    class Divisors:
        data = np.array([1, 1, 1, 2, 4, 8, 8, 8], np.float32)

    scaling = _scaling({}, {"rope_freqs.weight": Divisors()}, {"max_position_embeddings": 64})
    turned = LlamaConfig.model_validate({**SIZES, "rope_scaling": scaling}).rotary(0, 64)
    assert np.array(turned.frequencies) == pytest.approx(plain / Divisors.data)
    assert turned.scale == 1


@pytest.mark.parametrize("version", [0, 1])
def test_a_checkpoint_of_llama2c(tmp_path, version):
    tensors = tensors_of("llama", **PLAIN)
    write_llama2c(tmp_path / "m.bin", tensors, version)
    write_pieces(tmp_path / "tok300.bin")
    found = read_model(tmp_path)
    assert found.model == LlamaConfig(**SIZES, rms_norm_eps=1e-5)
    assert all((found.tensors[name] == values).all() for name, values in tensors.items())
    # The best union first: " " and "abc" only come together after "ab" and "c".
    assert [found.tokenizer.pieces[token] for token in found.tokenizer.encode("abc")] == [b"<s>", b" abc"]
    text = "ab\u00e9\n"
    assert found.tokenizer.decode(found.tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-4], "is cut off: "),
        (lambda data: data + b"....", "is too long: "),
        (lambda data: data[:20], "is cut off: 20 bytes are no header"),
        (lambda data: struct.pack("<Ii", 0x616B3432, 2) + data[8:], "version = 2 is not allowed: 0 or 1"),
        (lambda data: struct.pack("<i", -5) + data[4:], "not a checkpoint of llama2.c: hidden_size = -5 is not allowed"),
        (lambda data: data[:12] + struct.pack("<i", 3) + data[16:], "hidden_size = 64 is not allowed: num_attention_heads = 3"),
    ],
)  # fmt: skip
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, change, message):
    path = write_llama2c(tmp_path / "m.bin", tensors_of("llama", **PLAIN), 0)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ConfigError) as error:
        read_model(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-2], "piece 299 of 3 bytes is not allowed: 1 follow"),
        (lambda data: data[:-9], "is cut off after 299 pieces"),
        (lambda data: data[: -3 - 8], "has 299 pieces, and the model 300 tokens"),
    ],
)
def test_a_damaged_tokenizer_is_refused_in_one_line(tmp_path, change, message):
    write_llama2c(tmp_path / "m.bin", tensors_of("llama", **PLAIN), 0)
    path = write_pieces(tmp_path / "tok300.bin")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ConfigError) as error:
        read_model(tmp_path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_what_is_no_model(tmp_path):
    with pytest.raises(ConfigError, match=r"is not a model: without config\.json .* there is none"):
        read_model(tmp_path)
    (tmp_path / "a.gguf").write_bytes(b"")
    (tmp_path / "b.bin").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"there is a\.gguf, b\.bin"):
        read_model(tmp_path)
    with pytest.raises(ConfigError, match=r"a folder with config\.json, a \.gguf file or a \.bin file"):
        read_model(tmp_path / "x.txt")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_model(tmp_path / "x.bin")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_model(tmp_path / "x.gguf")


def test_names_of_tensors_are_those_of_the_graph():
    model = tiny("gemma3_text")
    graph = llama.decode(model, 3, llama.Precision())
    needed = {f"{each.name}.weight" for each in graph if each.kind.value in ("matmul", "rms norm")}
    assert needed == set(tensors_of("gemma3_text")) - {f"{llama.EMBEDDINGS}.weight"}


def test_a_safetensors_file_is_read_piece_by_piece(tmp_path):
    """A tensor is read when it is asked for: one with NaN harms no other."""
    damaged_folder(tmp_path, "nan")
    found = read_model(tmp_path)
    name = "model.layers.0.mlp.up_proj.weight"
    assert (found.tensors[name] == load_file(tmp_path / "model.safetensors")[name]).all()


def test_bfloat16_is_read_in_a_process_that_has_imported_nothing_else(tmp_path):
    write_folder(tmp_path, "llama", in_files("llama", tensors_of("llama")))
    path = tmp_path / "model.safetensors"
    save_file({name: each.astype(ml_dtypes.bfloat16) for name, each in load_file(path).items()}, path)
    code = (
        "from tilewright.mapping.models.readers import read_model\n"
        f"print(read_model({str(tmp_path)!r}).tensors['model.norm.weight'].dtype)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "float32\n", done.stderr
