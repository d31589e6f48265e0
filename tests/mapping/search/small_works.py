"""Small systems and models, drawn at random, on which a search can be compared with all mappings."""

import numpy as np

from tilewright.mapping.compile.plan import PLANS
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.mapping.models.phases import DECODE, ENCODE, PREFILL
from tilewright.mapping.search.space import Space
from tilewright.mapping.work import Work
from tilewright.sim.config import System, load_system

SMALL = load_system("small")
MODEL = LlamaConfig(
    vocab_size=700,
    num_hidden_layers=2,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=96,
)
ENCODER = BertConfig(vocab_size=700, num_hidden_layers=2, hidden_size=64, num_attention_heads=4, intermediate_size=96)
VALUES = {
    "memory.bandwidth_mb_per_s": (800, 3200, 6400, 8000),
    "memory.latency_ns": (40.0, 100.0, 400.0),
    "cim.tiles": (1, 2, 4),
    "cim.tile.macro.input_bits_per_cycle": (1, 2, 4),
    "fabric.banks": (4, 8),
    "fabric.weight_buffer_beats": (64, 256, 1024),
    "fabric.outstanding": (2, 8, 16),
    "fabric.queue_depth": (4, 16),
    "vector.address_bits": (9, 12),
}
REFRESH = {"interval_ns": 3906.0, "time_ns": 280.0}
TURNS = {"interval_ns": 1000.0, "read_to_write_ns": 10.0, "write_ns": 60.0, "write_to_read_ns": 20.0}
CONTEXTS = {DECODE: 30, PREFILL: 12, ENCODE: 3}
"""Positions or tokens of each phase: every number of tokens of a prompt or of an encoder has sizes to be searched."""
SPACE = Space(windows=(20,), ahead=(0, 1), plans=PLANS[::3], more_parts=1)
"""A space that can be searched without pruning in seconds."""


def drawn(seed: int) -> System:
    """Return a random system; half of them have refresh, and a quarter turns of reads and writes."""
    rng = np.random.default_rng(seed)
    changes: dict[str, object] = {path: values[rng.integers(len(values))] for path, values in VALUES.items()}
    if rng.integers(2):
        changes["memory.refresh"] = REFRESH
    if rng.integers(4) == 0:
        changes["memory.turnaround"] = TURNS
    return SMALL.with_(changes)


def work(seed: int, phase: str) -> Work:
    """Return a token, a prompt or an encoder on a random system."""
    model = ENCODER if phase == ENCODE else MODEL
    return Work(model=model, system=drawn(seed), phase=phase, context=CONTEXTS[phase])
