"""Programs of the accelerator leave the bits that the steps leave which they were made from."""

from dataclasses import replace

import numpy as np
import pytest

from tests.mapping.compile.compiled_layers import CAPACITY, DECODER, ENCODER, MINILM, SMALL, run_decoder, run_encoder
from tests.mapping.compile.compiled_runs import (
    accelerator,
    beside_one_another,
    check,
    in_sequence,
    kinds,
    on_the_model,
    step_memory,
)
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.config import BertConfig
from tilewright.mapping.models.seeded import seeded_encoder
from tilewright.sim.formats import stored
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import Command, Product, Vector
from tilewright.sim.isa.units import Units

PRECISIONS = (
    Precision(),
    Precision(scales="head", smooth=True),
    Precision(activations=stored.FP32, weights=stored.INT4),
)
EVERYDAY_ENCODERS = {(0, 1), (0, 19), (1, 70), (2, 7)}
"""Each precision, by its place, and each number of tokens."""


@pytest.mark.parametrize(
    ("precision", "tokens"),
    [
        pytest.param(precision, tokens, marks=[pytest.mark.slow] * ((number, tokens) not in EVERYDAY_ENCODERS))
        for number, precision in enumerate(PRECISIONS)
        for tokens in (1, 7, 19, 70)
    ],
)
def test_encoders(precision, tokens):
    run_encoder(SMALL, tokens=tokens, layers=2, precision=precision)


@pytest.mark.parametrize("run", [in_sequence, on_the_model])
def test_a_layer_of_minilm(run):
    compiled = run_encoder(SMALL, MINILM, 16, run=run)
    # Six weight matrices, one of them in two panels, of each head two products.
    assert kinds(compiled)["Product"] == 6 + 1 + 2 * MINILM.num_attention_heads
    assert kinds(compiled)["Weights"] == kinds(compiled)["Product"]


@pytest.mark.parametrize(
    "changes", [{}, {"qkv_bias": True}, {"qk_norm": True}, {"num_key_value_heads": 8}, {"num_key_value_heads": 1}]
)
def test_decoders_over_a_growing_cache(changes):
    run_decoder(SMALL, DECODER.replace(**changes))


@pytest.mark.parametrize("run", [in_sequence, on_the_model])
def test_two_layers_and_a_prompt_in_two_parts(run):
    run_decoder(SMALL, lengths=(3, 15, 1, 2), layers=2, run=run)


@pytest.mark.parametrize(
    ("fields", "lengths"),
    [
        # Each array and each order of prompts and tokens every day; all of an array with all of an order in slow tests.
        pytest.param(fields, lengths, marks=[pytest.mark.slow] * (array != order))
        for array, fields in enumerate(
            ({"columns": 32}, {"columns": 32, "rows": 32, "group_rows": 32}, {"columns": 64, "rows": 64, "tiles": 2})
        )
        for order, lengths in enumerate(((16, 1, 1, 1), (5, 1, 2, 3, 4, 1), (1, 1, 1)))
    ],
)
def test_keys_and_values_of_four_bits(fields, lengths):
    config = accelerator(weight_bits=4, **fields)
    precision = Precision(weights=stored.INT4, cache=stored.INT4, group=fields.get("group_rows", 0))
    for run in (in_sequence, beside_one_another(1), on_the_model):
        run_decoder(config, lengths=lengths, precision=precision, run=run)
    for scales in ("head", "token"):
        run_encoder(config, tokens=7, precision=replace(precision, scales=scales))


def test_four_bits_go_into_tiles_of_eight():
    run_decoder(SMALL, lengths=(5, 1, 1), precision=Precision(weights=stored.INT4, cache=stored.INT4))


CONFIGS = {
    "4 lanes": {"lanes": 4, "bus_bits": 32},
    "4 lanes, bus of a word": {"lanes": 4, "bus_bits": 128, "address_bits": 14, "rows": 8, "grid_rows": 4},
    "8 lanes, narrow tiles": {"lanes": 8, "bus_bits": 64, "columns": 8, "rows": 32, "tiles": 2},
    "8 lanes, 4 banks": {"lanes": 8, "bus_bits": 256, "columns": 32, "tiles": 3, "banks": 4},
    "16 lanes, one large tile": {"lanes": 16, "bus_bits": 512, "columns": 64, "rows": 64, "tiles": 1},
    "short queues": {"weight_buffer_beats": 64, "queue_depth": 2},
    "groups of 32": {"rows": 16, "grid_rows": 2, "group_rows": 32},
    "groups of 32, higher tiles": {"rows": 32, "grid_rows": 4, "group_rows": 32, "tiles": 2},
    "groups of 32, lower tiles": {"rows": 16, "group_rows": 32},
}  # fmt: skip


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("fields", CONFIGS.values(), ids=CONFIGS)
def test_units_beside_one_another(fields, seed):
    config = accelerator(**fields)
    precision = Precision(weights=stored.INT4, group=fields.get("group_rows", 0))
    run_encoder(config, tokens=19, precision=precision, run=beside_one_another(seed))
    run_decoder(config, precision=precision, run=beside_one_another(seed))


def test_a_missing_signal_is_seen():
    compiled = run_encoder(SMALL)
    lowered = lower(bert.layers(ENCODER, Precision(), tokens=7))
    constants = constant_contents(bert.layers(ENCODER, Precision(), tokens=1), seeded_encoder(ENCODER, seed=1))
    x = np.random.default_rng(2).standard_normal((7, ENCODER.hidden_size))

    def without(command: Command) -> Command:
        """Return a command without signals from products to passes."""
        if isinstance(command, Product):
            return replace(command, signal=command.signal & ~Units.VECTOR)
        return replace(command, wait=command.wait & ~Units.ARRAY) if isinstance(command, Vector) else command

    bare = [without(each) for each in compiled.commands]
    with pytest.raises(AssertionError, match="of the output differ"):
        check(
            replace(compiled, commands=bare), lowered, step_memory(lowered, constants, x), compiled.memory_image(constants), x, beside_one_another(0)
        )  # fmt: skip


def test_programs_share_constants_and_states():
    memory = MemoryMap()
    steps = [
        lower(llama.layers(DECODER, Precision(), tokens=n, position=position, capacity=CAPACITY))
        for n, position in ((16, 0), (1, 16), (1, 17))
    ]
    prompt, token, next_token = (compile_program(SMALL, each, memory) for each in steps)
    assert prompt.weights == token.weights == next_token.weights
    assert prompt.stored == token.stored
    assert len({each.program_address for each in (prompt, token, next_token)}) == 3
    with pytest.raises(ConfigError, match=r"cache.keys: .* bytes, laid out as .*, are not what another program has"):
        compile_program(
            SMALL, lower(llama.layers(DECODER, Precision(), tokens=1, position=16, capacity=CAPACITY + 8)), memory
        )


def test_what_does_not_fit_is_named():
    with pytest.raises(
        ConfigError,
        match=r"intermediate.dense: 24576 bytes find no room in the scratchpad: operations \d+ to \d+ leave \d+ in one of its 8 banks of 16384",
    ):
        run_encoder(
            accelerator(address_bits=10),
            BertConfig(
                vocab_size=256, num_hidden_layers=1, hidden_size=64, num_attention_heads=2, intermediate_size=768
            ),
            16,
        )
    with pytest.raises(
        ConfigError, match="sums: 65536 bytes find no room in a bank of 16384, and a pass takes whole rows"
    ):
        run_encoder(
            accelerator(address_bits=10),
            BertConfig(
                vocab_size=256, num_hidden_layers=1, hidden_size=1024, num_attention_heads=32, intermediate_size=96
            ),
            16,
        )
    few = SMALL.model_copy(update={"vector": SMALL.vector.model_copy(update={"scalars": 16})})
    with pytest.raises(ConfigError, match="7 row scalars find no room among 16"):
        run_encoder(few, tokens=7)


def test_what_cannot_run_is_named():
    with pytest.raises(
        ConfigError, match="half a rotary block has 16 columns: it must be 32 lanes times a power of two"
    ):
        compile_program(accelerator(lanes=32), lower(llama.layers(DECODER, Precision(), tokens=1, capacity=CAPACITY)))
    with pytest.raises(ConfigError, match=r"^encoder.*codes: weights of int8 do not go into tiles of int4$"):
        run_encoder(accelerator(weight_bits=4, columns=32))
    with pytest.raises(
        ConfigError,
        match=r"^encoder\.layer\.0\.attention\.self\.key\.int8: weights of int8 do not go into tiles of int4$",
    ):
        run_encoder(accelerator(weight_bits=4, columns=32), precision=Precision(weights=stored.INT4))
    with pytest.raises(
        ConfigError, match="scales uint8 of groups of 16 rows do not go into tiles with group_scale = none"
    ):
        run_encoder(SMALL, precision=Precision(group=16))
    with pytest.raises(
        ConfigError,
        match=r"begins at byte 8, and the array takes activations at multiples of 16|is not the begin of a step of 16 lanes|end within a step of 16 lanes",
    ):
        run_encoder(
            SMALL,
            BertConfig(
                vocab_size=256, num_hidden_layers=1, hidden_size=32, num_attention_heads=4, intermediate_size=64
            ),
        )
