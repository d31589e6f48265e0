"""Function tables in Verilog: contents of a memory that nothing writes, kept as logic or as initial contents.

The register behind a table stays where it is, so that both forms have equal values in every cycle.
"""

import re
from typing import Literal

from tilewright.hw.names import free_name

Tables = Literal["logic", "memory"]
"""Form of function tables: ``logic`` is a function with a case for each word, which every flow keeps; ``memory`` has
initial contents, which flows for FPGAs keep and flows for ASICs ignore."""

_MEMORY = re.compile(
    r"(?ms)^  reg \[(?P<high>\d+):0\] (?P<name>\w+) \[(?P<last>\d+):0\];\n  initial begin\n(?P<words>.*?)^  end\n"
)
_WORD = re.compile(r"\[(\d+)\] = ([^;]+);")


def with_tables_as_logic(module: str) -> str:
    """Return a Verilog module with a function instead of each memory that is only read, and of its contents."""
    for memory in list(_MEMORY.finditer(module)):
        name = memory["name"]
        if not re.search(rf"(?m)^ +{name}\[[^=\n]*\](?:\[[\d:]+\])? <= ", module):
            module = _as_logic(module, memory)
    return module


def _as_logic(module: str, memory: re.Match[str]) -> str:
    name, width, last = memory["name"], int(memory["high"]) + 1, int(memory["last"])
    bits = max(1, last.bit_length())
    taken = set(re.findall(r"\w+", module))
    function, place = free_name(f"word_of_{name}", taken), free_name("place", taken)
    cases = "".join(
        f"        {bits}'d{index}: {function} = {word};\n" for index, word in _WORD.findall(memory["words"])
    )
    text = (
        f"  function automatic [{width - 1}:0] {function};\n    input [{bits - 1}:0] {place};\n"
        f"    begin\n      case ({place})\n{cases}        default: {function} = {width}'h0;\n"
        "      endcase\n    end\n  endfunction\n"
    )

    def read(match: re.Match[str]) -> str:
        word = free_name(f"read_of_{name}", taken)
        taken.add(word)
        return f"  wire [{width - 1}:0] {word} = {function}({match[2]});\n{match[1]}{word};\n"

    body, count = re.subn(
        rf"(?m)(^  (?:assign .* = |always @\(posedge clk\)(?: begin)?\n(?:    .*\n)*?    .*<= )){name}\[(.*)\];\n",
        read,
        module.replace(memory[0], text),
    )
    if not count or re.search(rf"\b{name}\b", body):
        raise ValueError(f"unknown form of a read of table {name}")
    return body
