"""Function tables as logic and as memory: no initial contents stay in logic, and both have the same words."""

import re
import shutil
import subprocess

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tests.hw.generated import generated
from tilewright.hw.function_tables import with_tables_as_logic
from tilewright.hw.generate import Design
from tilewright.hw.verilog import convert

WORDS = [7 * index % 61 for index in range(48)]
"""Words of a table that ends before its address does."""
TABLES = [
    ("vector-unit", {"lanes": 2}, 3),
    ("npe", {"rows": 2, "columns": 2, "bus-bits": 64, "depth": 16, "panels": 2, "modes": "int8,bf16"}, 1),
]
"""Blocks with function tables, their options, and the number of different tables."""
CONTENTS = re.compile(r"(?m)^ +(\w+)\[\d+\] = (\d+'h[0-9a-f]+);$")

icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus Verilog (Debian: `apt install iverilog`)")


class Tabled(wiring.Component):
    """A table and a memory that is written, both with initial contents, and a register."""

    address: In(6)
    word: Out(6)
    kept: Out(6)
    count: Out(6, init=5)

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = table = Memory(shape=6, depth=len(WORDS), init=WORDS)
        m.submodules.words = words = Memory(shape=6, depth=4, init=[9])
        read, write, kept = table.read_port(), words.write_port(), words.read_port()
        m.d.comb += [
            read.addr.eq(self.address),
            self.word.eq(read.data),
            kept.addr.eq(self.address),
            self.kept.eq(kept.data),
        ]
        m.d.comb += [write.addr.eq(self.address), write.data.eq(self.address), write.en.eq(self.address[-1])]
        m.d.sync += self.count.eq(self.count + 1)
        return m


def contents(verilog: str) -> list[str]:
    """Return the words that initial contents of memories consist of, apart from zeros."""
    return [word for _, word in CONTENTS.findall(verilog) if int(word.split("h")[1], 16)]


@pytest.mark.parametrize(("block", "options", "number"), TABLES)
def test_logic_has_no_initial_contents_of_a_table(block, options, number):
    verilog = generated(block, **options).verilog
    assert contents(verilog) == []
    functions = re.findall(r"(?s)function automatic \[\d+:0\] word_of_table_+;.*?endfunction", verilog)
    assert len(functions) == number
    assert all(len(re.findall(r"\d+'d\d+: ", function)) >= 512 for function in functions)


def test_only_memories_that_nothing_writes_become_logic():
    logic, memory = (convert(Tabled(), "tabled", tables=tables) for tables in ("logic", "memory"))
    assert [int(word.split("h")[1], 16) for word in contents(memory)] == [word for word in WORDS if word] + [9]
    assert [int(word.split("h")[1], 16) for word in contents(logic)] == [9]
    assert "reg [5:0] count = 6'h05;" in logic, "power-up values of registers stay"


def test_another_form_is_refused():
    design = Design(name="tabled", component=Tabled(), configuration={}, timing={"latency_cycles": 1}, summary="")
    with pytest.raises(ValueError, match="tables 'rom' is not allowed: logic or memory"):
        design.with_tables("rom")
    assert design.with_tables("memory").generate().verilog != design.generate().verilog


def test_a_read_of_an_unknown_form_is_reported():
    memory = convert(Tabled(), "tabled", tables="memory")
    broken = re.sub(r"<= table_\[(\w+)\];", r"<= ~ table_[\1];", memory)
    assert broken != memory
    with pytest.raises(ValueError, match="unknown form of a read of table table_"):
        with_tables_as_logic(broken)


@icarus
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "a wrong word"])
def test_both_forms_have_the_same_words_in_every_cycle(tmp_path, wrong):
    logic, memory = (convert(Tabled(), f"tabled_{tables}", tables=tables) for tables in ("logic", "memory"))
    if wrong:
        logic, count = re.subn(r"(6'd31: \w+ = 6'h)\w+;", r"\g<1>3f;", logic)
        assert count == 1
    (tmp_path / "bench.v").write_text(logic + memory + BENCH)
    subprocess.run(["iverilog", "-g2005", "-o", "bench", "bench.v"], cwd=tmp_path, check=True, timeout=60)
    said = subprocess.run(["vvp", "bench"], cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True).stdout
    assert said.split() == ["48", "words", "1" if wrong else "0", "different"]


BENCH = """
module bench;
  reg clk = 0, rst = 0;
  reg [5:0] address = 0;
  wire [5:0] one, two, k1, k2, c1, c2;
  integer index, different;
  always #1 clk = ~clk;
  tabled_logic a(.clk(clk), .rst(rst), .address(address), .word(one), .kept(k1), .count(c1));
  tabled_memory b(.clk(clk), .rst(rst), .address(address), .word(two), .kept(k2), .count(c2));
  initial begin
    different = 0;
    for (index = 0; index < 48; index = index + 1) begin
      address = index;
      @(negedge clk);
      if (one !== two || ^one === 1'bx || k1 !== k2 || c1 !== c2) different = different + 1;
    end
    $display("%0d words %0d different", index, different);
    $finish;
  end
endmodule
"""
