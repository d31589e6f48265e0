"""Co-simulation of layers whose products run on the NPE: all of them on a system without a CIM array, or some of them
beside the array, in one program."""

import random
from fractions import Fraction

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.layer_cases import decoder_case, encoder_case
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite, configuration
from tilewright.mapping.models.config import LlamaConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.engine_rule import EngineRule, parse_rule
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import ALL_MODES

FORMATS = {
    "bf16": 0.9999, "posit16_1": 0.9999, "posit8_0": 0.999, "fp8_e4m3": 0.996, "int8": 0.999, "fp4_e2m1": 0.96,
}  # fmt: skip
"""Formats in which whole layers run on the NPE, with the least cosine between their output and the float64 layer's."""
SHAPE = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=128,
)
TIMING = Timing(latency=20, write_latency=20)
BOTH = configuration(
    lanes=8, bank_address_bits=12, bus_bits=64, banks=4, scalars=64, outstanding=4, max_burst=8, weight_buffer_beats=64,
    tile={"accumulator_vectors": 8}, macro={"rows": 16, "columns": 16, "weight_bits": 8},
).model_copy(update={"npe": NpeConfig(rows=4, columns=2, bus_bits=64, depth=16, panels=3)})  # fmt: skip
"""A small accelerator with a CIM array and an NPE."""
ALONE = BOTH.model_copy(update={"cim": None})
"""The same accelerator without the CIM array."""
MEMORY_BYTES = 4 << 20
"""Size of memory in which a layer of MiniLM in 16 bits has room."""
PRODUCTS = tuple(
    f"{part}_proj" for part in ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up",
                                "mlp.down")
)  # fmt: skip
"""Names of the products with weights of a decoder layer."""
SENTENCE = "Tiles hold weights."
"""Sentence of six tokens."""


def decoder_layers(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a decoder layer on the NPE alone, in each format: a prompt and a token."""
    return tuple(
        decoder_case(
            config, SHAPE, prompt=4, tokens=1, timing=TIMING, rules=(parse_rule(f"npe:{form}"),), least=least
        )
        for form, least in FORMATS.items()
    )  # fmt: skip


def int8_layer(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a decoder layer on the NPE alone in INT8: a prompt and a token."""
    return decoder_layers(config)[list(FORMATS).index("int8") :][:1]


def mixed_layers(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a decoder layer with the attention on the NPE and the network on the CIM array, and the other way
    round."""
    attention = ("attention=npe:bf16", "self_attn.*_proj=npe:bf16")
    network = ("mlp.*=npe:fp8_e4m3", "mlp.down_proj=npe:posit16_1")
    return tuple(
        decoder_case(
            config, SHAPE, prompt=4, tokens=1, timing=TIMING, rules=tuple(map(parse_rule, rules)), least=0.99
        )
        for rules in (attention, network)
    )  # fmt: skip


def random_rules(rng: random.Random) -> tuple[EngineRule, ...]:
    """Return rules that place each product on one of the engines, in any format."""
    names = (*PRODUCTS, "self_attn.scores", "self_attn.weighted_sum")
    engines = ("cim", *(f"npe:{mode.label}" for mode in ALL_MODES))
    return tuple(parse_rule(f"{name}={rng.choice(engines)}") for name in names)


def random_layers(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return a decoder layer with products on either engine, in any format, for several memories."""
    return tuple(
        decoder_case(
            config, SHAPE, prompt=4, tokens=1, timing=Timing(latency=latency, write_latency=latency, rate=rate),
            rules=random_rules(random.Random(latency)), least=0.8,
        )
        for latency, rate in ((1, Fraction(1)), (9, Fraction(1, 2)), (30, Fraction(2, 3)), (100, Fraction(1)))
    )  # fmt: skip


def encoder_layers(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return the first layer of MiniLM on the NPE alone, in each format."""
    return tuple(
        encoder_case(config, timing=TIMING, sentence=SENTENCE, rules=(parse_rule(f"npe:{form}"),), least=least)
        for form, least in FORMATS.items()
    )


INT8 = AcceleratorSuite(
    config=ALONE, make_cases=int8_layer, memory_bytes=MEMORY_BYTES, label="INT8 layer on the NPE"
)  # fmt: skip
SUITES = (
    AcceleratorSuite(config=ALONE, make_cases=decoder_layers, memory_bytes=MEMORY_BYTES, label="layers on the NPE"),
    AcceleratorSuite(config=ALONE, make_cases=encoder_layers, memory_bytes=MEMORY_BYTES, label="encoder on the NPE"),
    AcceleratorSuite(config=BOTH, make_cases=mixed_layers, memory_bytes=MEMORY_BYTES, label="layers on both"),
    AcceleratorSuite(config=BOTH, make_cases=random_layers, memory_bytes=MEMORY_BYTES, label="any placement"),
)
