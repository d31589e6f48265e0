"""What the snapshot holds: each entry is made anew from the tree, by a name under which it is compared.

Entries are made through the command line where it offers them, so that they survive when code moves.
"""

import hashlib
import json
from collections.abc import Callable
from functools import partial

from click.testing import CliRunner

from tilewright.cli import cli
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.compile.whole_model import compile_model
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.mapping.models.load import load_model
from tilewright.sim.config import load_system
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.tables import program_tables

LARGE = ("json: map llama-3.2-1b --phase prefill --context 128",)
"""Entries that take more than five seconds to make; they are compared in slow tests."""
MAPS = (
    "llama-3.2-1b --phase decode --context 1024",
    "llama-3.2-1b --phase prefill --context 128",
    "llama-3.2-1b --phase decode --context 1024 --host cryogenic",
    "llama-3.2-1b --phase decode --context 1024 --host cryogenic --on-host softmax,norms",
)
MODEL = LlamaConfig(
    vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
    num_key_value_heads=2, head_dim=32, rms_norm_eps=1e-5,
)  # fmt: skip
ENCODER = BertConfig(
    vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2
)  # fmt: skip

Make = Callable[[], object]
"""Makes an entry: a hash, or data for JSON."""


def entries() -> dict[str, Make]:
    """Return what makes each entry, by its name."""
    found: dict[str, Make] = {}
    for name, make in PROGRAMS.items():
        found[f"program: {name}"] = partial(_hash_of_bytes, make)
    for arguments in MAPS:
        found[f"json: map {arguments}"] = partial(map_json, arguments)
    found["table: fields of commands"] = lambda: _hash(program_tables())
    found["schema: system"] = lambda: _without_words(json.loads(_run("schema")))
    return found


def map_json(arguments: str) -> object:
    """Return what ``map --json`` prints."""
    return json.loads(_run(f"map {arguments} --json"))


def _layer(system: str, tokens: int, position: int) -> bytes:
    config = load_system(system).accelerator
    lowered = lower(llama.layers(MODEL, Precision.of(config.cim.tile), tokens=tokens, position=position, capacity=16))
    return compile_program(config, lowered).binary


def _encoder() -> bytes:
    config = load_system("small").accelerator
    lowered = lower(bert.layers(ENCODER, Precision.of(config.cim.tile), tokens=5))
    return compile_program(config, lowered).binary


def _network() -> bytes:
    config = load_system("small").accelerator
    return compile_program(config, lower(llama.network(MODEL, Precision.of(config.cim.tile), tokens=4))).binary


def _llama(tokens: int, position: int) -> bytes:
    system = load_system("edge-int4")
    graph = llama.tokens_graph(
        load_model("llama-3.2-1b"), Precision.of(system.cim.tile), tokens=tokens, position=position, capacity=1024
    )
    return compile_model(system.accelerator, graph).binary


PROGRAMS: dict[str, Callable[[], bytes]] = {
    "a decoder layer on small, prompt of 8 tokens": partial(_layer, "small", 8, 0),
    "a decoder layer on small, the token after 8": partial(_layer, "small", 1, 8),
    "a decoder layer's gated network on small, 4 tokens": _network,
    "an encoder layer on small, 5 tokens": _encoder,
    "Llama-3.2-1B on edge-int4, the token after 1,023": partial(_llama, 1, 1023),
    "Llama-3.2-1B on edge-int4, 16 tokens of a prompt": partial(_llama, 16, 0),
}


def _run(command: str, *more: str) -> str:
    result = CliRunner().invoke(cli, [*command.split(), *more], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def _without_words(schema: object) -> object:
    """Return a JSON schema without its descriptions, which may change."""
    if isinstance(schema, dict):
        return {
            key: _without_words(value)
            for key, value in schema.items()
            if key != "description" or not isinstance(value, str)
        }
    return [_without_words(each) for each in schema] if isinstance(schema, list) else schema


def _hash_of_bytes(make: Callable[[], bytes]) -> str:
    return hashlib.sha256(make()).hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
