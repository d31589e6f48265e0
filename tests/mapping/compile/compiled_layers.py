"""Layers compiled and run beside the steps that they were made from."""

from dataclasses import replace

import numpy as np

from tests.mapping.compile.compiled_runs import Runner, accelerator, check, in_sequence, step_memory
from tilewright.mapping.compile.compiled import Compiled
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.lower.constants import constant_contents
from tilewright.mapping.lower.fit_heads import fit_heads
from tilewright.mapping.lower.lower import lower
from tilewright.mapping.models import bert, llama
from tilewright.mapping.models.bert import layer_name
from tilewright.mapping.models.config import BertConfig, LlamaConfig
from tilewright.mapping.models.seeded import seeded_decoder, seeded_encoder
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.graph.graph import Graph
from tilewright.sim.graph.operator import Kind
from tilewright.sim.graph.precision import Precision
from tilewright.sim.isa.commands import UNIT_COMMANDS, Load, Product, Store, Vector, Weights
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.footprint import bank_ports, footprint
from tilewright.sim.machine.vector.unit import refusal

ENCODER = BertConfig(vocab_size=256, num_hidden_layers=1, hidden_size=64, num_attention_heads=2, intermediate_size=96)
MINILM = BertConfig(
    vocab_size=256, num_hidden_layers=1, hidden_size=384, num_attention_heads=12, intermediate_size=1536
)
DECODER = LlamaConfig(
    vocab_size=256,
    num_hidden_layers=1,
    hidden_size=256,
    num_attention_heads=8,
    num_key_value_heads=2,
    head_dim=32,
    intermediate_size=512,
)
CAPACITY = 40
PLAIN = Precision()
SMALL = accelerator()
INT4 = accelerator(lanes=8, bus_bits=64, weight_bits=4, columns=16, tiles=2)
MXFP4 = accelerator(
    lanes=8, weight_bits=4, weight_format="fp4_e2m1", rows=32, columns=32, group_rows=32, group_scale="e8m0", tiles=2
)


def run_encoder(
    config: AcceleratorConfig,
    model: BertConfig = ENCODER,
    tokens: int = 7,
    layers: int = 1,
    precision: Precision = PLAIN,
    run: Runner = in_sequence,
) -> Compiled:
    model = model.replace(num_hidden_layers=layers)
    lowered = lower(bert.layers(model, precision, tokens=tokens))
    factors = {
        layer_name(each, part): np.linspace(0.5, 2, model.hidden_size)
        for each in range(layers)
        for part in ("attention.self", "intermediate.dense")
    }
    constants = constant_contents(bert.layers(model, precision, tokens=1), seeded_encoder(model, seed=1), factors)
    compiled = compile_program(config, lowered)
    x = np.random.default_rng(2).standard_normal((tokens, model.hidden_size))
    check(compiled, lowered, step_memory(lowered, constants, x), compiled.memory_image(constants), x, run)
    valid(compiled)
    return compiled


def run_decoder(
    config: AcceleratorConfig,
    model: LlamaConfig = DECODER,
    lengths: tuple[int, ...] = (16, 1, 1),
    layers: int = 1,
    precision: Precision = PLAIN,
    run: Runner = in_sequence,
    block: int = 0,
    capacity: int = CAPACITY,
) -> list[Compiled]:
    """Run a prompt and what follows, each a program on the memory that the one before has left.

    With ``block`` attention takes so many positions at a time.
    """
    model = model.replace(num_hidden_layers=layers)
    memory, tensors = MemoryMap(), seeded_decoder(model, seed=3)
    graphs = [
        in_blocks(
            fit_heads(
                config,
                llama.layers(model, precision, tokens=length, position=sum(lengths[:index]), capacity=capacity),
            ),
            block,
        )
        for index, length in enumerate(lengths)
    ]
    constants: dict[str, np.ndarray] = {}
    for graph in graphs:
        constants |= constant_contents(graph, tensors)
    steps = [lower(graph) for graph in graphs]
    programs = [compile_program(config, each, memory) for each in steps]
    image = programs[0].memory_image(constants)
    states = None
    rng = np.random.default_rng(5)
    for lowered, compiled, length in zip(steps, programs, lengths, strict=True):
        for mask in (name for name in compiled.constants if name.startswith(llama.MASK)):
            compiled.write(image, mask, constants[mask])
        x = rng.standard_normal((length, model.hidden_size))
        before = step_memory(lowered, constants, x, states)
        check(compiled, lowered, before, image, x, run)
        states = {name: before[name] for name in lowered.states}
        valid(compiled)
    assert all(np.count_nonzero(values) for values in states.values())
    return programs


def in_blocks(graph: Graph, block: int) -> Graph:
    """Return a graph whose attention takes so many positions at a time; 0: all."""
    return Graph(tuple(replace(each, block=block) if each.kind is Kind.SCORES else each for each in graph))


def valid(compiled: Compiled) -> None:
    """See that commands obey what the accelerator asks of them."""
    config = compiled.config
    whole = config.vector.model_copy(
        update={"address_bits": (config.scratchpad_bytes // config.vector.lanes).bit_length() - 1}
    )
    binary = compiled.binary
    for index, command in enumerate(compiled.commands):
        assert decode(config, binary[64 * index : 64 * index + 64]) == command
        if not isinstance(command, UNIT_COMMANDS):
            continue
        those = footprint(config, command)
        for region in those.scratchpad_reads + those.scratchpad_writes:
            assert 0 <= region.start < region.stop <= config.scratchpad_bytes
            assert config.bank(region.start) == config.bank(region.stop - 1)
        if isinstance(command, Load | Weights):
            values = [command.address, command.stride, command.plane_stride]
            values += [command.destination, command.pitch] if isinstance(command, Load) else []
            assert not any(value % config.bus_bytes for value in values)
        elif isinstance(command, Product):
            assert not any(value % config.activation_bytes for value in (command.a, command.a_pitch))
            assert not any(value % config.result_bytes for value in (command.out, command.out_pitch))
            assert command.n % config.cim.tile.results_per_beat == 0
        elif isinstance(command, Store):
            values = [command.address, command.stride, command.plane_stride, command.source, command.element_pitch]
            assert not any(value % (1 << command.size) for value in [*values, command.pitch, command.plane_pitch])
            assert 1 << command.size <= config.bus_bytes
        elif isinstance(command, Vector):
            assert not refusal(whole, command.command)
            matrices = [m for m in (command.command.a, command.command.b, command.command.c) if m]
            assert len(bank_ports(config, command)[0]) == len(matrices)
