"""Verilog that is kept: made once, and anew when anything changes on which it depends."""

from pathlib import Path

import pytest

from tilewright.cocotb_tests.harness import kept_verilog as module
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.sim.config.vector import VectorConfig


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Return a function that makes another text at each call."""
    monkeypatch.setenv("TILEWRIGHT_CACHE", str(tmp_path))
    texts = (f"module number_{number}; endmodule" for number in range(9))
    return lambda: next(texts)


def test_it_is_made_once_for_each_configuration(make):
    small, large = (VectorConfig(lanes=lanes, scalars=32, address_bits=13) for lanes in (2, 4))
    first = kept_verilog(make, "top", small)
    assert kept_verilog(make, "top", small) == first
    others = {kept_verilog(make, "top", large), kept_verilog(make, "other", small), kept_verilog(make, "top", small, 8)}
    assert len({first, *others}) == 4


@pytest.mark.parametrize("change", ["a source", "a new file", "a file with another name", "a tool"])
def test_it_is_made_anew_after_a_change(make, change, tmp_path, monkeypatch):
    package = tmp_path / "package"
    for part in module.ELABORATED:
        (package / part / "npe").mkdir(parents=True)
        (package / part / "npe" / "drain.py").write_text("WIDTH = 1\n")
    monkeypatch.setattr(module.tilewright, "__path__", [str(package)])
    # The digest is computed once for a process, whose sources do not change.
    monkeypatch.setattr(module, "digest_of_sources", module.digest_of_sources.__wrapped__)
    first = kept_verilog(make)
    assert kept_verilog(make) == first
    changed: Path = package / "hw" / "npe" / "drain.py"
    match change:
        case "a source":
            changed.write_text("WIDTH = 2\n")
        case "a new file":
            changed.with_name("storage.v").write_text("")
        case "a file with another name":
            changed.rename(changed.with_name("store.py"))
        case "a tool":
            monkeypatch.setattr(module, "version", lambda name: "another")
    assert kept_verilog(make) != first
