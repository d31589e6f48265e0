"""The reader of all files: lines are found by parsing, and what is read again is what was there."""

import re
from pathlib import Path

import pytest

from tilewright.base.errors import ConfigError
from tilewright.base.reading import TooLargeError, is_folder, read_bytes, read_csv, read_json, read_text, read_toml

TOML = '''# [cim] is told here, too
x = """
tiles = 4
"""
[cim]
tiles = 1
[cim.tile]
'rows' = [1,
  2,
 3]
columns.most = 3
[[unit]]
a = 1
[unit.part]
b = 1
[[unit]]
a = 2
[unit.part]
b = 4
'''
JSON = """{"a": {"b": 1,
 "deep": {"x":
 [1, {"q":
3}]}},
"x": 5, "text": "\\"y\\": 1",
"y": 2}"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("x",), 2), (("cim",), 5), (("cim", "tiles"), 6), (("cim", "tile", "rows"), 8), (("cim", "tile", "rows", 2), 8),
        (("cim", "tile", "columns", "most"), 11), (("cim", "tile", "none"), 7), (("unit", 0, "a"), 13),
        (("unit", 1, "part", "b"), 19), (("none",), None),
    ],
)  # fmt: skip
def test_the_line_of_a_toml_field(tmp_path, keys, line):
    (tmp_path / "t.toml").write_text(TOML)
    assert read_toml(tmp_path / "t.toml").line_of(keys) == line


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a",), 1), (("a", "b"), 1), (("a", "deep", "x"), 2), (("a", "deep", "x", 1, "q"), 3), (("x",), 5),
        (("text",), 5), (("y",), 6), (("a", "none"), 1), (("none",), None),
    ],
)  # fmt: skip
def test_the_line_of_a_json_field(tmp_path, keys, line):
    (tmp_path / "t.json").write_text(JSON)
    assert read_json(tmp_path / "t.json").line_of(keys) == line


def test_a_byte_order_mark_of_utf_8_is_skipped(tmp_path):
    for name, text, read in (("t.json", '{"a": 1}', read_json), ("t.toml", "a = 1", read_toml)):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert read(tmp_path / name).value == {"a": 1}
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b\n 1 ,2\n\n3,4\n")
    rows = list(read_csv(tmp_path / "t.csv", ["a"]))
    assert [row.cells for row in rows] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert [row.where for row in rows] == [f"{tmp_path / 't.csv'}:2", f"{tmp_path / 't.csv'}:4"]


def test_numbers_of_all_kinds_are_read(tmp_path):
    (tmp_path / "t.json").write_text(f'{{"a": [1, -2, 3.5, 1e300, {10**399}, true, null], "b": "NaN"}}')
    assert read_json(tmp_path / "t.json").value == {"a": [1, -2, 3.5, 1e300, 10**399, True, None], "b": "NaN"}
    (tmp_path / "t.toml").write_text("a = inf\nb = 1979-05-27\n")
    assert read_toml(tmp_path / "t.toml").value["a"] == float("inf")


def test_levels_are_counted(tmp_path):
    for levels in (64, 65):
        (tmp_path / "t.json").write_text("[" * levels + "]" * levels)
        (tmp_path / "t.toml").write_text(f"a = {'[' * (levels - 1)}{']' * (levels - 1)}")
        for read, name in ((read_json, "t.json"), (read_toml, "t.toml")):
            if levels == 64:
                read(tmp_path / name)
            else:
                with pytest.raises(ConfigError, match="at most 64 levels are allowed"):
                    read(tmp_path / name)


def test_a_file_is_as_large_as_its_reader_allows(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_bytes(file, 5) == b"12345"
    with pytest.raises(TooLargeError, match=re.escape("size = 5 bytes is not allowed: it must be at most 4")) as error:
        read_bytes(file, 4)
    assert error.value.size == 5


@pytest.mark.parametrize("name", ["/proc/self/mem", "/proc/self/pagemap"])
def test_files_without_an_end_or_a_size_are_refused(name):
    with pytest.raises(ConfigError, match=f"{name}: "):
        read_bytes(Path(name), 1 << 20)


def test_names_of_any_length_are_no_folder(tmp_path):
    assert is_folder(tmp_path)
    assert not is_folder(tmp_path / ("x" * 5000))
    with pytest.raises(ConfigError, match="File name too long"):
        read_text(tmp_path / ("x" * 5000))
