"""Files that are read and written: errors name the file, and nothing half-written is left."""

import json

import pytest

from tilewright.base.errors import ConfigError
from tilewright.base.files import read_text, write_bytes, write_file, write_json, write_text


def test_what_is_written_can_be_read(tmp_path):
    assert read_text(write_text(tmp_path / "text", "µ\n")) == "µ\n"
    assert write_bytes(tmp_path / "bytes", b"\x00\xff").read_bytes() == b"\x00\xff"
    assert json.loads(read_text(write_json(tmp_path / "json", {"a": [1]}))) == {"a": [1]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "json", "text"]


@pytest.mark.parametrize("failure", [RuntimeError("in the middle"), OSError(28, "No space left on device")])
def test_a_file_whose_writing_fails_stays_as_it_was(tmp_path, failure):
    path = write_text(tmp_path / "table.md", "old")

    def write(part):
        part.write_text("half")
        raise failure

    with pytest.raises((RuntimeError, ConfigError), match=r"in the middle|table\.md: cannot be written: No space"):
        write_file(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_name_the_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none: cannot be read: No such file"):
        read_text(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"binary: cannot be read: not UTF-8 text"):
        read_text(tmp_path / "binary")
    with pytest.raises(ConfigError, match=r"none/x: cannot be written: No such file"):
        write_text(tmp_path / "none" / "x", "")
