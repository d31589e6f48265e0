"""JSON files: models for `map`, and result files for `report`, damaged in all ways."""

import json
import os
from pathlib import Path
from typing import Any

from tests.cli.bad_inputs.case import Case, case
from tilewright.mapping.models.load import MODELS

MODEL = json.loads((MODELS / "llama-3.2-1b.json").read_text())
LONG = "n" * 5000


def _model(name: str, *says: str, options: str = "", **fields: object) -> Case:
    """Return the case of a model some of whose fields are others; a field that is None is left out."""
    data = {key: value for key, value in (MODEL | fields).items() if value is not None}
    return case(name, f"map m.json {options}", *says, files={"m.json": json.dumps(data, indent=1)})


def _text(name: str, text: str | bytes, *says: str) -> Case:
    return case(name, "map m.json", *says, files={"m.json": text})


def _with(line: str) -> str:
    """Return the text of the model with a line more, the second."""
    return json.dumps(MODEL, indent=1).replace("{\n", "{\n" + line + "\n", 1)


MAP: dict[str, Any] = {
    "model": "m", "system": "s", "phase": "decode", "tokens": 1, "context": 8, "clock_mhz": 500, "cycles": 10,
    "unit_cycles": {"load": 5}, "tokens_per_s": 1.5, "macs": 1000, "dram_bytes": 100, "dram_bound_cycles": 3,
    "compute_bound_cycles": 2, "bound_fraction": 0.3, "energy_j": 0.1,
    "energy": [{"name": "mac", "joules": 0.1, "pj_per_event": 1, "unit": "MAC", "source": "a guess"}],
    "steps": [{"step": "norm", "units": ["vector"], "cycles": 10, "commands": 1, "macs": 0}],
}  # fmt: skip
CASE = {"name": "a: b", "rtl_cycles": 7, "model_cycles": 7, "values": 3, "mismatches": 0}


def _report(name: str, file: str, content: object, *says: str) -> Case:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    return case(name, "report r", *says, files={f"r/{file}": text})


CASES = (
    # No JSON, or none that is read.
    _text("an empty file", "", "m.json:1: not JSON", "column 1"),
    _text("a file that is cut off", json.dumps(MODEL, indent=1)[:200], "m.json:", "not JSON"),
    _text("a comma too many", '{"model_type": "llama",}', "m.json:1: not JSON", "column"),
    _text("two values", '{"model_type": "llama"}\n{}', "m.json:2: not JSON: Extra data"),
    _text("another language", "model_type: llama\n", "m.json:1: not JSON"),
    _text("a list", "[1, 2, 3]", "m.json: [1, 2, 3] is not allowed", "object"),
    _text("a number", "42", "m.json: 42 is not allowed", "object"),
    _text("null", "null", "m.json: None is not allowed", "object"),
    _text("UTF-16", json.dumps(MODEL).encode("utf-16"), "m.json: cannot be read: is UTF-16 text", "UTF-8"),
    _text("Latin-1", '{"model_type": "llama",\n "a": "é"}'.encode("latin-1"), "m.json:2:", "byte 0xe9 is not UTF-8"),
    _text("a byte of zero", '{"model_type":\n "ll\0ama"}', "m.json:2:", "byte 0x00"),
    _text("a control character in a text", '{"model_type":\n "ll\x1bama"}', "m.json:2: not JSON", "control character"),
    _text("a hundred thousand lists in each other", "[" * 100_000, "m.json: ", "at most 64 levels"),
    _text("a hundred levels in a key", _with(f'"x": {"[" * 100}{"]" * 100},'), "m.json:2: ", "at most 64 levels"),
    _text("a hundred thousand tables in each other", '{"a":' * 100_000 + "1" + "}" * 100_000, "at most 64 levels"),
    _text("17 million bytes", b" " * (17 << 20), "m.json: size = 17,825,792 bytes", "at most 16,777,216"),
    case("a file of four terabytes", "map m.json", "m.json: size = ", "at most 16,777,216",
         prepare=lambda folder: _sparse(folder / "m.json", 1 << 42)),
    case("a folder named .json", "map m.json", "m.json/config.json: cannot be read: No such file",
         prepare=lambda folder: (folder / "m.json").mkdir()),
    case("a folder as config.json", "map m", "m/config.json: cannot be read: is a folder", "regular file",
         prepare=lambda folder: (folder / "m" / "config.json").mkdir(parents=True)),
    case("a pipe", "map m.json", "m.json: cannot be read: is a pipe", "regular file",
         prepare=lambda folder: os.mkfifo(folder / "m.json")),
    case("an endless device", "map m.json", "m.json: cannot be read: is a device", "regular file",
         prepare=lambda folder: (folder / "m.json").symlink_to("/dev/zero")),
    case("a link to itself", "map m.json", "m.json: cannot be read: Too many levels of symbolic links",
         prepare=lambda folder: (folder / "m.json").symlink_to("m.json")),
    case("a link to nothing", "map m.json", "m.json: cannot be read: No such file",
         prepare=lambda folder: (folder / "m.json").symlink_to("nothing")),
    # Values.
    _text("a key twice", _with('"hidden_size": 64,'), "m.json:6: hidden_size is there twice", "once"),
    _text("NaN", _with('"rms_norm_eps": NaN,').replace('"rms_norm_eps": 1e-05', '"x": 1'), "m.json:2: rms_norm_eps = NaN", "finite"),
    _text("infinity", _with('"x": -Infinity,'), "m.json:2: x = -Infinity is not allowed", "finite"),
    _text("a number beyond the range", _with('"x": [1, 1e999],'), "m.json:2: x.1 = 1e999 is not allowed", "finite"),
    _text("5,000 digits", _with(f'"x": {"9" * 5000},'), "m.json:2: x = a number of 5,000 digits", "at most 400"),
    _text("a key elsewhere", _with('"_x": {\n"hidden_size": 1},').replace('"hidden_size": 2048', '"hidden_size": -1'),
          "m.json:7: hidden_size = -1 is not allowed"),
    _model("no kind of model", "m.json: 'model_type' is missing", model_type=None),
    _model("another kind of model", "m.json:3: model_type = 'gpt2' is not allowed", "llama", model_type="gpt2"),
    _model("a kind of 5,000 characters", "m.json:3: model_type = 'nnn", "llama", model_type=LONG),
    _model("a kind with escapes", "model_type = '\\x1b[31m' is not allowed", "llama", model_type="\x1b[31m"),
    _model("an encoder without room", "intermediate.dense.rows.2: 1048576 bytes find no room", "banks", options="--context 4",
           hidden_size=256, intermediate_size=1 << 18, num_attention_heads=4, model_type="bert", hidden_act="gelu",
           num_key_value_heads=None, head_dim=None, rms_norm_eps=None, rope_theta=None, rope_scaling=None,
           attention_bias=None, mlp_bias=None, tie_word_embeddings=None),
    _model("experts", "num_local_experts = 8 is not allowed", "mixture of experts", num_local_experts=8),
    _model("quantised weights", "quantization_config = {'bits': 4} is not allowed", "plain numbers", quantization_config={"bits": 4}),
    _model("a key of another family", "sliding_window = 64 is not allowed", "not understood in a llama model", sliding_window=64),
    _model("a scaling that is not there", "rope_scaling.rope_type = 'ntk' is not allowed", "'linear'", rope_scaling={"type": "ntk"}),
    _model("a scaling without its factor", "rope_scaling.factor is missing", "rope_type = linear", rope_scaling={"type": "linear"}),
    _model("no layers", "m.json: 'num_hidden_layers' is missing", num_hidden_layers=None),
    _model("zero layers", "num_hidden_layers = 0 is not allowed", "1", num_hidden_layers=0),
    _model("a size as text", "hidden_size = '2048' is not allowed", "integer", hidden_size="2048"),
    _model("a size as a fraction", "hidden_size = 2048.5 is not allowed", "integer", hidden_size=2048.5),
    _model("a size as a list", "hidden_size = [2048] is not allowed", "integer", hidden_size=[2048]),
    _model("a long list as a size", "hidden_size = [0, 1, 2, 3, 4, 5, ...] is not allowed", hidden_size=list(range(9999))),
    _model("a size as true", "vocab_size = True is not allowed", "integer", vocab_size=True),
    _model("a size beyond 32 bits", f"vocab_size = {1 << 40} is not allowed", "2147483648", vocab_size=1 << 40),
    _model("no epsilon", "rms_norm_eps = 0 is not allowed", "greater than 0", rms_norm_eps=0),
    _model("an activation that is not there", "hidden_act = 'tanh' is not allowed", "'silu'", hidden_act="tanh"),
    _model("a bias as a number", "attention_bias = 3 is not allowed", "boolean", attention_bias=3),
    _model("heads that share nothing", "num_key_value_heads = 5", "divide num_attention_heads = 32", num_key_value_heads=5),
    _model("heads of an odd size", "head_dim = 63 is not allowed", "even", head_dim=63),
    _model("heads that do not divide", "hidden_size = 2064", "num_attention_heads = 32", "head_dim", hidden_size=2064, head_dim=None),
    _model("more weights than addresses", "address_bits = 32", "4,294,967,296", num_hidden_layers=400),
    _model("a million layers", "num_hidden_layers = 1000000 is not allowed", "1024", num_hidden_layers=1_000_000),
    _model("a vocabulary of thousands of millions", "address_bits = 32", "4,294,967,296", vocab_size=1 << 31),
    # Models that describe themselves.
    case("a GGUF file that is cut off", "map m.gguf", "m.gguf: is cut off, or no GGUF file", files={"m.gguf": b"GGUF\3\0\0\0\1"}),
    case("an empty GGUF file", "map m.gguf", "m.gguf: is cut off, or no GGUF file", files={"m.gguf": b""}),
    case("a GGUF file that is not there", "map m.gguf", "m.gguf: cannot be read: No such file"),
    case("a GGUF file of text", "map m.gguf", "m.gguf: is cut off, or no GGUF file", files={"m.gguf": "hello " * 9}),
    case("a checkpoint that is cut off", "map m.bin", "m.bin: is cut off: 5 bytes are no header of llama2.c", files={"m.bin": b"abcde"}),
    case("a checkpoint without weights", "map m.bin", "m.bin: is cut off", "header stands for", files={"m.bin": b"\4\0\0\0\4\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\4\0\0\0\4\0\0\0"}),
    case("a checkpoint of sizes below zero", "map m.bin", "m.bin: not a checkpoint of llama2.c: hidden_size = -1", files={"m.bin": b"\xff" * 300}),
    case("two models in a folder", "map d", "d: is not a model", "there is a.gguf, b.bin", files={"d/a.gguf": b"", "d/b.bin": b""}),
    case("a folder with a tokenizer alone", "map d", "d: is not a model", "there is none", files={"d/tok512.bin": b""}),
    # Results in the folder of a report.
    _report("a bound that does not exist", "map.json", MAP | {"bounds": {"luck": 3}}, "bounds = {'luck': 3} is not allowed", "main memory, requests"),
    _report("a result that is no JSON", "map.json", "hello", "r/map.json:1: not JSON"),
    _report("a result that is a list", "map.json", [], "r/map.json: ", "[] is not allowed", "dict"),
    _report("a result of nothing", "map.json", {}, "r/map.json: 'model' is missing"),
    _report("a result without cycles", "map.json", MAP | {"cycles": 0}, "r/map.json:8: cycles = 0", "greater than 0"),
    _report("cycles as text", "map.json", MAP | {"cycles": "10"}, "cycles = '10' is not allowed", "integer"),
    _report("steps as a number", "map.json", MAP | {"steps": 7}, "steps = 7 is not allowed", "list"),
    _report("a step without units", "map.json", MAP | {"steps": [{"step": "x"}]}, "'steps.0.units' is missing"),
    _report("energy without an end", "map.json", json.dumps(MAP | {"energy_j": float("inf")}), "energy_j = Infinity", "finite"),
    _report("an energy below nothing", "map.json", MAP | {"energy_range_j": {"low": -1, "mid": 2, "high": 3}}, "energy_range_j.low = -1 is not allowed", "equal to 0"),
    _report("a range without a middle", "map.json", MAP | {"tokens_per_j": {"low": 1, "high": 3}}, "'tokens_per_j.mid' is missing"),
    _report("a high figure of a part that is a number", "map.json", MAP | {"energy": [MAP["energy"][0] | {"high": 3}]}, "energy.0.high = 3 is not allowed"),
    _report("a source that is a number", "map.json", MAP | {"energy": [MAP["energy"][0] | {"source": 3}]}, "energy.0.source = 3", "string"),
    _report("a co-simulation of nothing", "cosim-x.json", {"cases": []}, "cases = [] is not allowed", "at least 1"),
    _report("a case without cycles", "cosim-x.json", {"cases": [{"name": "a"}]}, "'cases.0.rtl_cycles' is missing"),
    _report("a case that found a number", "cosim-x.json", {"cases": [CASE | {"found": 3}]}, "cases.0.found = 3", "string"),
    _report("ports without a timing", "x.ports.json", {"module": "x"}, "r/x.ports.json: 'timing' is missing"),
    _report("a latency that is text", "x.ports.json", {"module": "x", "timing": {"latency_cycles": "3"}}, "timing.latency_cycles = '3'"),
    _report("a rate that is text", "x.ports.json", {"module": "x", "timing": {"latency_cycles": 3, "macs_per_cycle": "8"}},
            "timing.macs_per_cycle = '8' is not allowed"),
    _report("a synthesis of nothing", "x.synth.json", {}, "r/x.synth.json: 'block' is missing"),
    case("a result that is a folder", "report r", "r/map.json: cannot be read: is a folder",
         prepare=lambda folder: (folder / "r" / "map.json").mkdir(parents=True)),
    case("a result that is a pipe", "report r", "r/map.json: cannot be read: is a pipe", files={"r/x": ""},
         prepare=lambda folder: os.mkfifo(folder / "r" / "map.json")),
)  # fmt: skip


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)
