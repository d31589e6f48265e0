"""Function tables as arrays have the words of the functions, at every place."""

from tilewright.cocotb_tests.harness.constant_tables import with_constant_tables
from tilewright.cocotb_tests.vector.suite import SUITES


def _table(width: int, bits: int, words: dict[int, str], read: str) -> str:
    cases = "".join(f"        {bits}'d{place}: word_of_table = {word};\n" for place, word in words.items())
    return (
        f"module tabled(clk, place, word);\n  function automatic [{width - 1}:0] word_of_table;\n"
        f"    input [{bits - 1}:0] place_1;\n    begin\n      case (place_1)\n{cases}        default: word_of_table = "
        f"{width}'h0;\n      endcase\n    end\n  endfunction\n"
        f"  wire [{width - 1}:0] read_of_table = word_of_table({read});\nendmodule\n"
    )


def test_words_are_at_their_places_and_the_others_are_zero():
    text = with_constant_tables(_table(6, 2, {1: "6'h2a", 2: "6'h07"}, "{ a, b }"))
    assert "localparam [5:0] word_of_table [0:3] = '{\n    6'h0,\n    6'h2a,\n    6'h07,\n    6'h0\n  };" in text
    assert "wire [1:0] place_of_read_of_table = { a, b };" in text
    assert "wire [5:0] read_of_table = word_of_table[place_of_read_of_table];" in text
    assert "function" not in text


def test_no_table_of_a_vector_unit_stays_a_function():
    verilog = SUITES[0].verilog()
    assert verilog.count("function automatic [44:0] word_of_") == 2
    assert verilog.count("function automatic [42:0] word_of_") == 1
    prepared = SUITES[0].prepared(verilog)
    assert prepared.count("localparam [") == 3
    assert "word_of_table_(" not in prepared
