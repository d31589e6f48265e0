"""All layers of a decoder and its head as one program."""

from tilewright.mapping.lower.decoder import lower_decoder
from tilewright.mapping.lower.head import lower_head
from tilewright.mapping.models.config import LlamaConfig
from tilewright.mapping.models.llama import HEAD, layer_name
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.graph.precision import Precision

from .loops import CompiledLoops, Repeated, compile_loops
from .memory_map import MemoryMap

LAYERS = "layers"
"""Name of the loop over layers; that over parts of the vocabulary has the name of the head."""


def compile_decoder(
    config: AcceleratorConfig,
    model: LlamaConfig,
    *,
    tokens: int,
    position: int,
    capacity: int,
    precision: Precision,
    memory: MemoryMap | None = None,
    logits: bool = True,
) -> CompiledLoops:
    """Return a program from embeddings of some tokens to the logits of the last one.

    Parameters
    ----------
    position, capacity : int
        Tokens before these ones, whose keys and values are there, and for how many there is room.
    memory : MemoryMap, optional
        Of a program of the same model for other tokens.
    logits : bool
        Logits come in parts, see :func:`head_parts`; the last part may have unused columns at its end. Without logits
        the program ends with the last layer.

    Raises
    ------
    ConfigError
        If something finds no room, or the accelerator cannot run a step.
    """
    layer = lower_decoder(model.replace(num_hidden_layers=1), tokens, position, precision, capacity=capacity)
    loops = [Repeated(name=LAYERS, lowered=layer, count=model.num_hidden_layers, own=layer_name(0))]
    if logits:
        parts, columns = head_parts(config, model.vocab_size)
        head = lower_head(model, 1, columns, precision)
        loops.append(Repeated(name=HEAD, lowered=head, count=parts, own=HEAD, carried=False))
    return compile_loops(config, loops, memory)


def head_parts(config: AcceleratorConfig, vocabulary: int) -> tuple[int, int]:
    """Return the number of equal parts of a vocabulary, and their columns: whole blocks, whose sums fit into a bank."""
    block = config.cim.columns
    blocks = divide_up(vocabulary, block)
    most = max(1, min(config.bank_bytes // 4, 0xFFFF) // block)
    parts = divide_up(blocks, most)
    return parts, divide_up(blocks, parts) * block
