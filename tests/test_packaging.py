"""The built wheel, installed somewhere and used from somewhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True, capture_output=True
    )
    return folder / "site"


def run(site: Path, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "tilewright", *arguments]
    env = {**os.environ, "PYTHONPATH": str(site)}
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_wheel_holds_one_top_level_package(site):
    names = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert names - {"bin"} == {"tilewright"}
    assert not any(path.is_symlink() for path in site.rglob("*"))


def test_the_installed_command_finds_its_data(site, tmp_path):
    where = "import tilewright; print(tilewright.__file__)"
    env = {**os.environ, "PYTHONPATH": str(site)}
    imported = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert imported.stdout.startswith(str(site))
    listing = json.loads(run(site, tmp_path, "list", "--json"))
    assert "edge-int4" in listing["systems"]
    result = json.loads(run(site, tmp_path, "map", "llama-3.2-1b", "--json"))
    assert result["parameters"] == 1_235_814_400
    assert len(json.loads(run(site, tmp_path, "cpu", "predict", "--core-ghz", "50", "--json"))["workloads"]) == 5
    run(site, tmp_path, "generate", "cim-tile", "--system", "tiny", "--out", "out")
    assert (tmp_path / "out" / "cim_tile.v").exists()


def test_the_installed_benches_have_their_files(site):
    for name in (
        "gem5_configs/workloads/gemv.c",
        "hw/memory/storage.v",
        "py.typed",
        "__init__.pyi",
        "mapping/models/shipped/slate-132k/config.json",
        "mapping/models/shipped/slate-132k/model.safetensors",
        "mapping/models/shipped/slate-132k/tokenizer.json",
    ):
        assert (site / "tilewright" / name).is_file(), name
