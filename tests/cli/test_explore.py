"""``tilewright explore``, ``require`` and ``suggest``: JSON, CSV, tables, and a page that works without a network."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import tilewright as tw
from tests.cli.command_line import run
from tests.pictures import text_problems
from tilewright.mapping.explore.objectives import OBJECTIVES
from tilewright.mapping.explore.pictures import draw_front, draw_gains

SPACE = """base = "tiny"
[fields]
"memory.bandwidth_mb_per_s" = [1600, 3200]
"fabric.bus_bits" = [64, 128]
"cim.tile.weight_bus_bits" = "fabric.bus_bits"
"""
EXPLORE = ("explore", "slate-132k", "--space", "s.toml", "--context", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with a space, its study, and what an exploration wrote."""
    folder = tmp_path_factory.mktemp("explored")
    (folder / "s.toml").write_text(SPACE)
    result = run(*EXPLORE, "--study", "a.study", "--out", "out", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "said.json").write_text(result.stdout)
    return folder


@pytest.fixture(scope="module")
def data(folder) -> dict:
    return json.loads((folder / "said.json").read_text())


def test_json_has_the_keys_of_the_documentation(folder, data):
    written = json.loads((folder / "out" / "explore.json").read_text())
    assert {**written, "files": data["files"]} == data
    assert data["designs"] == data["evaluated"] == 4
    assert data["legal"] == 4
    assert set(data["cpu_seconds"]) == {"estimates", "exact"}
    assert data["estimate_error"]["median"] <= data["estimate_error"]["worst"]
    for point in data["front"]:
        assert set(point["system"]) == {"memory.bandwidth_mb_per_s", "fabric.bus_bits", "cim.tile.weight_bus_bits"}
        # A base without a process has no area.
        assert set(point["objectives"]) == set(point["estimate"]) == set(OBJECTIVES) - {"area_mm2"}
        assert 0 < point["bound_fraction"] <= 1
        assert point["objectives"]["edp_js"] == pytest.approx(
            point["objectives"]["latency_s"] * point["objectives"]["energy_j"]
        )
        assert point["binding"] in point["runs"][0]["bounds"]
    assert data["recommended"] in data["front"]
    page = (Path(__file__).parents[2] / "docs" / "explore.md").read_text()
    keys = {key for row in re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert {
        key for key in data if key not in ("files", "base", "models", "objectives", "method", "seed", "epsilon")
    } <= keys


def test_the_table_says_what_was_done(folder, data):
    result = run(*EXPLORE, "--study", "a.study", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert f"Pareto front of tiny for slate-132k decode 4: {len(data['front'])} of 4 designs" in result.stdout
    assert "exhaustive: 4 of 4 designs looked at, 4 of them legal" in result.stdout
    assert f"{data['recommended']['objectives']['tokens_per_s']:,.1f} tokens/s" in result.stdout


def test_csv_has_a_row_for_each_design_of_the_front(folder, data):
    result = run(*EXPLORE, "--study", "a.study", "--csv", cwd=folder)
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [float(row["latency_s"]) for row in rows] == [point["objectives"]["latency_s"] for point in data["front"]]
    assert sum(row["recommended"] == "True" for row in rows) == 1
    written = list(csv.DictReader(io.StringIO((folder / "out" / "explore.csv").read_text())))
    assert rows == written


def test_no_text_of_the_pictures_lies_on_other_text(folder, tmp_path):
    result = tw.explore("slate-132k", folder / "s.toml", context=4, study=folder / "a.study")
    with text_problems() as problems:
        draw_front(tmp_path / "front.png", result)
        draw_gains(tmp_path / "gains.png", result)
    assert not problems
    assert (tmp_path / "gains.png").read_bytes() == (folder / "out" / "explore.gains.png").read_bytes()
    assert (tmp_path / "front.png").read_bytes() == (folder / "out" / "explore.png").read_bytes()


def test_the_page_needs_nothing_else(folder, data):
    page = (folder / "out" / "explore.html").read_text()
    assert not re.search(r"(src|href)\s*=", page)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    embedded = json.loads(re.search(r'type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert [row["number"] for row in embedded["rows"]] == [point["number"] for point in data["front"]]


DRIVE = """<script>
const column = name => [...document.querySelectorAll("th")].find(each => each.dataset.column === name);
const numbers = () => [...document.querySelectorAll("tbody tr")].map(row => row.cells[0].textContent);
const said = [numbers()];
column("energy_j").firstChild.click();
said.push(numbers());
column("energy_j").firstChild.click();
said.push(numbers());
const filter = column("fabric.bus_bits").querySelector("input");
filter.value = "<= 64";
filter.dispatchEvent(new Event("input"));
said.push(numbers());
said.push([document.querySelectorAll("svg#plot circle").length, document.getElementById("detail").textContent.length]);
document.body.textContent = "SAID" + JSON.stringify(said) + "END";
</script>"""


def test_the_page_sorts_and_filters_in_a_browser(folder, data):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no chromium")
    page = folder / "driven.html"
    page.write_text((folder / "out" / "explore.html").read_text() + DRIVE)
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    first, up, down, narrow, (circles, details) = json.loads(re.search(r"SAID(.*?)END", shown)[1].replace("&lt;", "<"))
    by_energy = sorted(data["front"], key=lambda point: point["objectives"]["energy_j"])
    assert len(first) == len(data["front"])
    assert up == [str(point["number"]) for point in by_energy]
    assert down == up[::-1]
    assert set(narrow) == {str(point["number"]) for point in data["front"] if point["system"]["fabric.bus_bits"] <= 64}
    assert circles >= len(narrow)
    assert details > 100


def test_require_and_suggest_print_tables_and_json():
    small = ("--context", "4")
    for arguments, text, key in (
        (("require", "slate-132k", "--system", "tiny", "--tokens-per-s", "10000"), "smallest change:", "needs"),
        (("suggest", "tiny", "--model", "slate-132k"), "share that becomes speed", "suggestions"),
    ):
        printed, as_json = run(*arguments, *small), run(*arguments, *small, "--json")
        assert printed.returncode == as_json.returncode == 0, printed.stderr + as_json.stderr
        assert text in printed.stdout
        assert json.loads(as_json.stdout)[key]
