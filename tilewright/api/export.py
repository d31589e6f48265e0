"""Exports decoders for hosts that have no compiler."""

from pathlib import Path

from tilewright.api.systems import system_of
from tilewright.base.errors import ConfigError
from tilewright.mapping.compile.every_position import EveryPositionDecoder
from tilewright.mapping.exported import ExportedDecoder
from tilewright.mapping.fit import check_fit
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.precision.calibration import Calibrated
from tilewright.sim.config import System
from tilewright.sim.graph.precision import Precision


def export_decoder(
    model: str | Path, *, system: str | Path | System = "edge-int8", capacity: int | None = None, equalise: bool = True
) -> ExportedDecoder:
    """Compile a decoder with its weights, once and for every position, for a host that has no compiler.

    Parameters
    ----------
    model : str or Path
        Folder, GGUF file or checkpoint of llama2.c with the weights of a decoder, or the name of a shipped model that
        has weights.
    system : str, Path or System
        System that runs the model; its array decides the format of the weights.
    capacity : int, optional
        Number of positions for which the cache has room; by default those of the model.
    equalise : bool
        Whether columns of weights are equalised, and offsets added to keys, as :func:`generate_text` does.

    Raises
    ------
    ConfigError
        If the model cannot be read, or does not fit the system.
    """
    chosen, checkpoint = system_of(system), read_model(model)
    found = checkpoint.model
    room = found.positions if capacity is None else capacity
    if not 1 <= room <= found.positions:
        raise ConfigError(f"capacity = {room} is not allowed: 1 to {found.positions}, the positions of the model")
    check_fit(found, chosen, Precision.of_accelerator(chosen.accelerator), room)
    tensors = Calibrated(checkpoint, chosen.accelerator) if equalise else checkpoint.tensors
    decoder = EveryPositionDecoder(chosen.accelerator, found, tensors, capacity=room, rules=chosen.engine_rules)
    ends = tuple(sorted(checkpoint.tokenizer.ends)) if checkpoint.tokenizer else ()
    return ExportedDecoder(str(model), chosen, decoder, ends)
