"""Files that are read and written: errors name the file, and nothing half-written is left."""

import json
import os
import socket
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest

from tilewright.base import files
from tilewright.base.errors import ConfigError
from tilewright.base.files import write_bytes, write_json, write_text
from tilewright.base.reading import read_text


def test_what_is_written_can_be_read(tmp_path):
    assert read_text(write_text(tmp_path / "text", "µ\n")) == "µ\n"
    assert write_bytes(tmp_path / "bytes", b"\x00\xff").read_bytes() == b"\x00\xff"
    assert json.loads(read_text(write_json(tmp_path / "json", {"a": [1]}))) == {"a": [1]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "json", "text"]


@pytest.mark.parametrize("failing", ["replace", "fchmod"])
def test_a_file_whose_writing_fails_stays_as_it_was(tmp_path, monkeypatch, failing):
    path = write_text(tmp_path / "table.md", "old")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os if failing == "fchmod" else files.Path, failing, fail)
    with pytest.raises(ConfigError, match=r"table\.md: cannot be written: No space"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    file, link, dangling = tmp_path / "real" / "file", tmp_path / "link", tmp_path / "dangling"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to("real/file")
    dangling.symlink_to("real/new")
    for each in (link, dangling):
        write_text(each, "new")
        assert each.is_symlink()
        assert each.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == ["file", "new"]


def test_a_pipe_gets_the_bytes(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match=r"pipe: cannot be written: it is a pipe that no process reads"):
        write_text(pipe, "text")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_device_is_written_and_never_replaced(tmp_path):
    write_text(Path("/dev/null"), "text")
    with pytest.raises(ConfigError, match=r"/dev/full: cannot be written: No space left on device"):
        write_text(Path("/dev/full"), "text")
    assert all(Path(device).is_char_device() for device in ("/dev/null", "/dev/full"))
    with socket.socket(socket.AF_UNIX) as server, chdir(tmp_path):
        server.bind("socket")
        with pytest.raises(ConfigError, match="it is a disk or a socket, and must be a file or a pipe"):
            write_text(Path("socket"), "text")
    with pytest.raises(ConfigError, match="it is a folder, and must be a file"):
        write_text(tmp_path, "text")


def test_a_name_may_be_as_long_as_the_folder_allows(tmp_path):
    write_text(tmp_path / ("x" * 255), "text")
    with pytest.raises(ConfigError, match="File name too long"):
        write_text(tmp_path / ("x" * 256), "text")
    assert len(list(tmp_path.iterdir())) == 1


def test_parts_of_killed_processes_go(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f".tilewright-{ended.pid}-0.part"
    mine = tmp_path / f".tilewright-{os.getpid()}-x0.part"
    other = tmp_path / ".tilewright-1-0.part"
    for path in (left, mine, other):
        path.write_text("half")
    write_text(tmp_path / "file", "text")
    assert sorted(tmp_path.iterdir()) == sorted([mine, other, tmp_path / "file"])


def test_what_is_no_unicode_is_escaped(tmp_path):
    assert write_text(tmp_path / "text", "a\ud800b\udcff").read_text() == "a\\ud800b\\udcff"


def test_errors_name_the_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none: cannot be read: No such file"):
        read_text(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"binary:1: cannot be read: byte 0xff is not UTF-8 text"):
        read_text(tmp_path / "binary")
    with pytest.raises(ConfigError, match=r"none/x: cannot be written: No such file"):
        write_text(tmp_path / "none" / "x", "")
