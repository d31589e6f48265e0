"""A host that writes a text with an exported decoder. It reads three files, and has neither compiler nor weights.

tilewright export slate-132k --system tiny --capacity 64 --out build/export
.venv/bin/python examples/exported_decoder.py build/export tiny 3 60 9 17

The numbers are the tokens of the prompt. The exact model stands for the chip: a driver writes to the same addresses,
and to registers.
"""

import json
import sys
from pathlib import Path

import numpy as np

import tilewright as tw
from tilewright.bench import AcceleratorModel, predict_program

folder, system, *prompt = sys.argv[1:]
decoder = json.loads((Path(folder) / "decoder.json").read_text())
if decoder["version"] != 1 or tw.load_system(system).name != decoder["system"] or not prompt:
    sys.exit(f"{folder}: needs version 1, the system {decoder['system']}, and a prompt")
memory = np.fromfile(Path(folder) / "memory.bin", np.uint8)
embeddings = np.fromfile(Path(folder) / "embeddings.bin", np.uint8).reshape(decoder["vocabulary"], -1)
chip = AcceleratorModel(tw.load_system(system).accelerator, memory)


def write(address: int, content: bytes) -> None:
    memory[address : address + len(content)] = np.frombuffer(content, np.uint8)


def run(position: int, tokens: list[int]) -> dict:
    """Run the program for some tokens from a position on; return its description."""
    for program in decoder["programs"]:
        first, step, below = program["positions"].values()
        if len(tokens) <= program["tokens"] and position % step == first and position < below:
            break
    else:
        sys.exit(f"no program for {len(tokens)} tokens at position {position}")
    for word in program["words"]:
        value = word["constant"]
        for divisor, modulus, factor in word["terms"]:
            digit = position // divisor
            value += factor * (digit % modulus if modulus else digit)
        write(word["address"], (value % 2**64).to_bytes(8, "little"))
    for row in range(program["tokens"]):
        token = tokens[min(row, len(tokens) - 1)]
        write(program["input"]["address"] + row * program["input"]["pitch"], embeddings[token].tobytes())
    if error := predict_program(chip, program["address"]).error:
        sys.exit(f"the program at {program['address']:#x} was stopped: {error.name}")
    return program


def most_probable(place: dict) -> int:
    """Return the number of the largest logit."""
    rows = memory[place["address"] :][: place["rows"] * place["pitch"]].view(np.float32).reshape(place["rows"], -1)
    return int(rows[:, : place["columns"]].ravel()[: decoder["vocabulary"]].argmax())


text = [int(token) for token in prompt]
alone = decoder["prompt"]["alone_of_odd" if len(text) % 2 else "alone_of_even"]
chunk, position = decoder["prompt"]["chunk"], 0
while chunk and len(text) - alone - position > 1:
    size = min(chunk, len(text) - alone - position)
    run(position, text[position : position + size])
    position += size
while len(text) <= decoder["capacity"] and text[-1] not in decoder["ends"]:
    program = run(position, text[position : position + 1])
    position += 1
    if position == len(text):
        text.append(most_probable(program["logits"]))
print(*text[len(prompt) :])
