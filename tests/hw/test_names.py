"""Names of Verilog: identifiers that are refused, and RTLIL whose names become plain and private."""

import pytest

from tests.cli.command_line import refused
from tilewright.hw.names import KEYWORDS, check_name, module_name, plain_names

RTLIL = r"""attribute \amaranth.hierarchy "top.part"
module \top
  wire width 2 \job.count
  wire width 2 \job__count
  wire width 1 \wait
  wire width 1 \valid$12
  memory width 2 size 4 \function
  cell \top.part \part$3
    parameter \MEMID "\\function"
    connect \a \job.count [0]
  end
  cell \adder \adder
  end
  cell \outside.model \model
  end
end
module \top.part
end
module \adder
end
module \adder.unit
end
"""


def test_names_are_plain_and_modules_private():
    lines = plain_names(RTLIL, "top").splitlines()
    assert lines[0] == r'attribute \amaranth.hierarchy "top.part"'
    assert [line.strip() for line in lines if "module" in line] == [
        r"module \top", r"module \top__part", r"module \top__adder", r"module \top__adder__unit",
    ]  # fmt: skip
    assert [line.split()[-1] for line in lines if "wire" in line] == [
        r"\job__count_1", r"\job__count", r"\wait_", r"\valid_12",
    ]  # fmt: skip
    cells = [line.strip() for line in lines if "cell" in line]
    assert cells == [r"cell \top__part \part_3", r"cell \top__adder \adder", r"cell \outside.model \model"]
    assert r"memory width 2 size 4 \function_" in "\n".join(lines)
    assert r'parameter \MEMID "\\function_"' in "\n".join(lines)
    assert r"connect \a \job__count_1 [0]" in "\n".join(lines)


def test_modules_that_would_share_a_name_are_refused():
    with pytest.raises(ValueError, match="equal names"):
        plain_names("module \\top\nend\nmodule \\a.b\nend\nmodule \\a__b\nend\n", "top")


def test_names_of_modules_begin_with_the_top():
    assert module_name("npe0", "npe0") == "npe0"
    assert module_name("npe0", "npe0.reads.splitter") == "npe0__reads__splitter"
    assert module_name("npe0", "simd_mac_core") == "npe0__simd_mac_core"


@pytest.mark.parametrize("name", ["npe0", "_x", "A_very_long_name_indeed" * 5])
def test_identifiers_are_allowed(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("0npe", "--name '0npe' must begin with a letter or '_' and go on with letters, digits and '_'"),
        ("a-b", "--name 'a-b' must begin with a letter"),
        ("a$b", "--name 'a$b' must begin with a letter"),
        ("../x", "--name '../x' must begin with a letter"),
        ("größe", "--name 'größe' must begin with a letter"),
        ("", "--name '' must begin with a letter"),
        ("module", "--name 'module' is a keyword of Verilog or SystemVerilog"),
        ("logic", "--name 'logic' is a keyword of Verilog or SystemVerilog"),
        ("x" * 129, f"--name '{'x' * 40}...' has 129 characters: at most 128 are allowed"),
    ],
)
def test_other_names_get_one_line(tmp_path, name, said):
    arguments = ["generate", "posit-decoder", "--name", name, "--out", str(tmp_path / "out")]
    assert said in refused(*arguments)
    assert not (tmp_path / "out").exists()


def test_keywords_are_those_of_the_standard():
    assert len(KEYWORDS) == 248
