"""Fixtures that tests of several folders share: a program in place of gem5, and one for it to run."""

from pathlib import Path

import pytest

from tests.gem5_configs.fake_gem5 import elf, install
from tilewright.base.tools import Tool


@pytest.fixture
def gem5(tmp_path, monkeypatch) -> Tool:
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path / "cache"))
    return install(tmp_path / "fake")


@pytest.fixture
def program(tmp_path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(elf())
    return path
