"""A decoder as files: its description leads a host to the same memory as the compiler."""

import json

import numpy as np
import pytest

from tests.mapping.compile.compiled_layers import INT4, SMALL
from tests.mapping.tiny_models import tiny
from tilewright.mapping.compile.every_position import EveryPositionDecoder
from tilewright.mapping.exported import ExportedDecoder
from tilewright.mapping.models.seeded import seeded_model
from tilewright.sim.config import load_system

CAPACITY = 48


@pytest.fixture(scope="module", params=[SMALL, INT4], ids=["INT8", "INT4"])
def exported(request) -> ExportedDecoder:
    """Return a decoder whose attention loops over two blocks, on an array of eight or of four bits."""
    model = tiny("qwen3", vocab_size=70, num_hidden_layers=1, rope_scaling=None)
    decoder = EveryPositionDecoder(request.param, model, seeded_model(model, seed=5), capacity=CAPACITY, block=32)
    return ExportedDecoder("it", load_system("small"), decoder, (2,))


def test_words_and_embeddings_are_those_of_the_compiler(exported, tmp_path):
    memory, embeddings, description = exported.write(tmp_path)
    found = json.loads(description.read_text())
    assert found == exported.to_dict()
    rows = np.fromfile(embeddings, np.uint8).reshape(found["vocabulary"], found["embeddings"]["row_bytes"])
    image = np.fromfile(memory, np.uint8)
    assert len(image) == found["memory_bytes"]
    assert max(len(program["words"]) for program in found["programs"]) == 8
    for program in found["programs"]:
        first, step, below = program["positions"].values()
        for position in range(first, below, step):
            written, expected = image.copy(), image.copy()
            tokens = [(position + each) % 70 for each in range(program["tokens"])]
            host_writes(written, program, position, rows[tokens])
            if exported.decoder.reusable(position, len(tokens)).program.program_address == program["address"]:
                exported.decoder.write(expected, position, tokens)
                assert (written == expected).all(), (program["tokens"], position)
                assert (written != image).any()


def host_writes(memory: np.ndarray, program: dict, position: int, rows: np.ndarray) -> None:
    """Write what the description says before a program starts."""
    for word in program["words"]:
        value = eval(word["formula"], {"p": position})
        digits = ((position // divisor, modulus, factor) for divisor, modulus, factor in word["terms"])
        terms = [factor * (digit % modulus if modulus else digit) for digit, modulus, factor in digits]
        assert value == sum(terms) + word["constant"]
        memory[word["address"] :][:8] = np.frombuffer((value % 2**64).to_bytes(8, "little"), np.uint8)
    place = program["input"]
    for number, row in enumerate(rows):
        memory[place["address"] + number * place["pitch"] :][: len(row)] = row
