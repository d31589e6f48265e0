"""All layers of a decoder and its head as one program."""

from tilewright.mapping.lower.decoder import DecoderShape, layer_name, lower_decoder
from tilewright.mapping.lower.head import HEAD, lower_head
from tilewright.mapping.lower.lowering import Arithmetic
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up

from .loops import CompiledLoops, Repeated, compile_loops
from .memory_map import MemoryMap

LAYERS = "layers"
"""Name of the loop over layers; that over parts of the vocabulary has the name of the head."""


def compile_decoder(
    config: AcceleratorConfig,
    shape: DecoderShape,
    *,
    layers: int,
    vocabulary: int,
    tokens: int,
    position: int,
    capacity: int,
    arithmetic: Arithmetic,
    memory: MemoryMap | None = None,
) -> CompiledLoops:
    """Return a program from embeddings of some tokens to the logits of the last one.

    Parameters
    ----------
    vocabulary : int
        Logits; they come in parts, see :func:`head_parts`, the last of which may have columns of nothing at its end.
        0: the program ends with the last layer.
    position, capacity : int
        Tokens before these ones, whose keys and values are there, and for how many there is room.
    memory : MemoryMap, optional
        Of a program of the same model for other tokens.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """
    layer = lower_decoder(shape, tokens, position, 1, arithmetic, capacity=capacity)
    loops = [Repeated(name=LAYERS, lowered=layer, count=layers, own=layer_name(0))]
    if vocabulary:
        parts, columns = head_parts(config, vocabulary)
        head = lower_head(shape, 1, columns, arithmetic)
        loops.append(Repeated(name=HEAD, lowered=head, count=parts, own=HEAD, carried=False))
    return compile_loops(config, loops, memory)


def head_parts(config: AcceleratorConfig, vocabulary: int) -> tuple[int, int]:
    """Return the number of equal parts of a vocabulary, and their columns: whole blocks, whose sums fit into a bank."""
    block = config.cim.columns
    blocks = divide_up(vocabulary, block)
    most = max(1, min(config.bank_bytes // 4, 0xFFFF) // block)
    parts = divide_up(blocks, most)
    return parts, divide_up(blocks, parts) * block
