"""Checks whether a model fits a system, before anything is compiled, in the words of both descriptions."""

from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.memory_map import MemoryMap
from tilewright.mapping.models.config import DecoderConfig, Transformer, check_context
from tilewright.sim.config import System
from tilewright.sim.graph.precision import Precision


def check_fit(model: Transformer, system: System, precision: Precision, context: int) -> None:
    """Refuse a context too long for the model, and more than memory has room for.

    Raises
    ------
    ConfigError
        Names the fields of the model and of the system, both values, and what is allowed.
    """
    check_context(model, context)
    _check_memory(model, system, precision, context)


def _check_memory(model: Transformer, system: System, precision: Precision, context: int) -> None:
    """Refuse a model whose weights and cache, without padding, scales and programs, are more than addresses reach."""
    bits = system.fabric.address_bits
    products = model.num_hidden_layers * model.layer_weights
    if isinstance(model, DecoderConfig):
        products += model.vocab_size * model.hidden_size
    narrowest = min([precision.weights.bits, *(form.bits for _, form in precision.by_matrix)])
    weights = products * narrowest // 8
    cache = 2 * model.num_hidden_layers * context * model.key_value_size * precision.cache.bits // 8
    if weights + cache > 1 << bits:
        raise _too_large(system, weights + cache, f"weights {weights:,}, cache {cache:,} at context = {context}")


def check_memory_map(system: System, memory: MemoryMap) -> None:
    """Refuse programs whose data, with padding, scales and the programs themselves, have no room in memory.

    Raises
    ------
    ConfigError
        Names the field of the system, both sizes, and what is allowed.
    """
    if memory.next_page > 1 << system.fabric.address_bits:
        largest = max(memory.places, key=lambda name: memory.places[name].bytes)
        raise _too_large(system, memory.next_page, f"most of them, {memory.places[largest].bytes:,}, for {largest}")


def _too_large(system: System, size: int, parts: str) -> ConfigError:
    bits, needed = system.fabric.address_bits, (size - 1).bit_length()
    return ConfigError(
        f"fabric.address_bits = {bits} is not allowed on system '{system.name}': addresses reach {1 << bits:,} bytes, "
        f"and the model takes {size:,} ({parts}): at least {needed} bits are necessary"
    )
