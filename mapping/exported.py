"""A decoder for a host that has no compiler: an image of memory, embeddings, and a description of all that a host does.

The host copies the image into memory once. For each token, or chunk of a prompt, it writes the words of a program for
the position and the embeddings of the tokens, starts the program, and reads logits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.files import write_bytes, write_json
from tilewright.mapping.compile.arguments import Argument
from tilewright.mapping.compile.every_position import EveryPositionDecoder, Reusable
from tilewright.mapping.models.embeddings import embedded
from tilewright.mapping.models.llama import HEAD
from tilewright.sim.config import System
from tilewright.sim.isa.accelerator_registers import Register

MEMORY, EMBEDDINGS, DESCRIPTION = "memory.bin", "embeddings.bin", "decoder.json"
"""Names of the files."""
VERSION = 1
"""Version of the description: another one has other keys, or keys of another meaning."""
ROWS = 1024
"""Number of embeddings that are computed at a time."""


@dataclass(frozen=True)
class ExportedDecoder:
    """A decoder as files for a host: :func:`tilewright.export_decoder` makes it."""

    model: str
    """Name of the model: what was asked for."""
    system: System
    decoder: EveryPositionDecoder
    ends: tuple[int, ...]
    """Tokens that end a text."""

    def to_dict(self) -> dict[str, Any]:
        """Return the description, as ``decoder.json`` has it."""
        decoder, model = self.decoder, self.decoder.model
        storage = decoder.single[-1].program.input.storage
        return {
            "version": VERSION,
            "model": self.model,
            "system": self.system.name,
            "vocabulary": model.vocab_size,
            "ends": list(self.ends),
            "capacity": decoder.capacity,
            "memory_bytes": decoder.memory_bytes,
            "embeddings": {"row_bytes": model.hidden_size * storage.dtype.itemsize, "format": storage.name},
            "logits_cap": model.final_logit_softcapping,
            "registers": {each.name: int(each) for each in _DRIVEN},
            "prompt": {
                "chunk": decoder.chunk.tokens if decoder.chunk else 0,
                "alone_of_odd": decoder.alone(1),
                "alone_of_even": decoder.alone(2),
                "begin": 2 if decoder.packed else 1,
            },
            "programs": [self._program(each) for each in decoder.programs],
        }

    def write(self, folder: Path) -> list[Path]:
        """Write memory.bin, embeddings.bin and decoder.json to a folder; return their paths.

        Raises
        ------
        ConfigError
            If a file cannot be written.
        """
        description, embeddings = self.to_dict(), b"".join(self._embeddings())
        return [
            write_bytes(folder / MEMORY, self.decoder.image().tobytes()),
            write_bytes(folder / EMBEDDINGS, embeddings),
            write_json(folder / DESCRIPTION, description),
        ]

    def _embeddings(self) -> Iterator[bytes]:
        decoder = self.decoder
        storage = decoder.single[-1].program.input.storage
        for first in range(0, decoder.model.vocab_size, ROWS):
            tokens = range(first, min(first + ROWS, decoder.model.vocab_size))
            rows = embedded(decoder.model, decoder.tensors, tokens)
            yield storage.from_fp32(rows.astype(np.float32)).tobytes()

    def _program(self, each: Reusable) -> dict[str, Any]:
        program = each.program
        step = 2 if self.decoder.packed and each.tokens == 1 else max(1, each.tokens)
        found = {
            "tokens": each.tokens,
            "positions": {"first": each.nominal, "step": step, "below": each.positions},
            "address": program.program_address,
            "words": [_word(program.program_address, argument) for argument in program.arguments],
            "input": {"address": program.input.address, "pitch": program.input.pitch},
        }
        if each.tokens > 1:
            return found
        logits = program.output_rows(HEAD)
        return found | {
            "logits": {
                "address": logits.address,
                "rows": logits.rows,
                "columns": logits.columns,
                "pitch": logits.pitch,
                "format": logits.storage.name,
            }
        }


_DRIVEN = (
    Register.CONTROL, Register.STATUS, Register.IRQ_ENABLE, Register.IRQ_STATUS, Register.PROGRAM_LOW,
    Register.PROGRAM_HIGH, Register.ERROR, Register.ERROR_INDEX,
)  # fmt: skip
"""Registers that a host needs to start a program and to see its end."""


def _word(program_address: int, argument: Argument) -> dict[str, Any]:
    formula = argument.formula
    return {
        "address": program_address + argument.offset,
        "purpose": argument.purpose,
        "formula": str(formula),
        "terms": [[term.divisor, term.modulus, term.factor] for term in formula.terms],
        "constant": formula.constant,
    }
