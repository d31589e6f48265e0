"""Names and sources with markup, formulas and escape sequences in them reach tables and pictures as they are."""

import json

from tests.cli.command_line import run
from tilewright.hw.npe.design import npe
from tilewright.sim.config.load import PRESETS
from tilewright.sim.config.npe import NpeConfig

NAME = "[/red] $x_ \\u001b[31m [bold]tiny"
MODEL = {
    "model_type": "llama", "vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 2, "head_dim": 32,
}  # fmt: skip


def test_names_with_markup_and_formulas_reach_reports_and_pictures(tmp_path):
    text = (PRESETS / "tiny.toml").read_text()
    text = text.replace('name = "tiny"', f'name = "{NAME}"')
    text += '"energy.mac_pj" = "see [Horowitz], [/] and $y_"\n' if '"energy.' not in text else ""
    (tmp_path / "s.toml").write_text(text.replace('"energy.*" = "', '"energy.*" = "see [Horowitz] [/] $y_ '))
    (tmp_path / "[m].json").write_text(json.dumps(MODEL))
    result = run("map", "[m].json", "--context", "4", "--system", "s.toml", "--out", "[out]", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (result.stderr, "\x1b" in result.stdout) == ("", False)
    said = " ".join(result.stdout.split())
    for part in ("[m].json on [/red] $x_ \\x1b[31m [bold]tiny:", "see [Horowitz]", "wrote [out]/map.png"):
        assert part in said, part
    assert (tmp_path / "[out]" / "map.png").stat().st_size > 10_000
    again = run("report", "[out]", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "see [Horowitz]" in " ".join(again.stdout.split())


def test_a_report_shows_the_rates_of_an_npe(tmp_path):
    """The NPE has a rate for each of its formats."""
    design = npe(NpeConfig(rows=2, columns=2))
    (tmp_path / "npe.ports.json").write_text(
        json.dumps({"module": "npe", "configuration": design.configuration, "timing": design.timing, "ports": []})
    )
    result = run("report", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "4 to 16" in result.stdout
