"""The command `tilewright precision` on a small model, and files that it refuses."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command_line import refused, run
from tests.cli.text_models import PROMPT, SIZES, write_text_model
from tests.mapping.models.stored_models import write_folder
from tests.mapping.tiny_models import tiny
from tilewright.mapping.models.readers.onnx_file import OnnxGraph, OnnxNode, write_onnx
from tilewright.mapping.models.seeded import seeded_model

NPE = Path(__file__).parents[2] / "examples" / "systems" / "edge-npe.toml"
SEARCH = ("--formats", "int3/channel,int6/channel", "--tokens", "64")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_text_model(tmp_path_factory.mktemp("model"))


def test_json_has_plan_and_baselines(model, tmp_path):
    out, plan = tmp_path / "out", tmp_path / "plan.json"
    arguments = ("precision", str(model), *SEARCH, "--budget", "4.9", "--out", str(out), "--plan", str(plan))
    result = json.loads(run(*arguments, "--json").stdout)
    assert result["bits_per_weight"] <= 4.9
    assert set(result["plan"].values()) == {"int3/channel", "int6/channel"}
    assert len(result["plan"]) == 2 * 7 + 1
    assert result["embedding_bytes"] == 2 * 40 * 32
    assert set(result["loss"]) == {"perplexity", "float_perplexity", "perplexity_ratio", "kl", "agreement"}
    kinds = {each["kind"] for each in result["baselines"]}
    assert kinds == {"uniform", "random", "by layer"}
    assert list(result["gains"]) == ["nearest", "clipped", "compensated"]
    assert result["files"] == [
        str(plan), str(plan.with_suffix(".npz")), str(out / "precision.json"), str(out / "precision.png")
    ]  # fmt: skip
    assert json.loads(plan.read_text())["weights"] == result["plan"]
    assert (out / "precision.png").read_bytes().startswith(b"\x89PNG")
    # The table has the same figures, and everything is in the cache.
    table = run(*arguments[:8]).stdout
    assert f"{result['bytes']:,.0f}" in table
    rows = list(csv.DictReader(io.StringIO(run(*arguments[:8], "--csv").stdout)))
    assert [row["name"] for row in rows][:2] == ["plan, 4.9 bits", "int4/32"]
    assert float(rows[0]["loss.kl"]) == result["loss"]["kl"]


def test_a_plan_runs_on_an_array_of_its_format(model, tmp_path):
    plan, text = tmp_path / "plan.json", ("--prompt", PROMPT, "--tokens", "2", "--json")
    search = ("precision", str(model), "--formats", "int8/channel", "--tokens", "64", "--budget", "10")
    assert run(*search, "--no-baselines", "--plan", str(plan)).returncode == 0
    with_plan, without = (
        json.loads(run("run", str(model), *text, "--system", "small", *more).stdout)
        for more in (("--plan", str(plan)), ())
    )
    assert len(with_plan["tokens"]) == 2
    # Without a plan some inputs are in parts, and numbers in attention are FP32.
    assert 0.9 * without["model_cycles"] < with_plan["model_cycles"] < without["model_cycles"]
    found = refused("run", str(model), "--prompt", PROMPT, "--system", "tiny", "--plan", str(plan))
    assert (
        "plan.json: weights.model.layers.0.self_attn.q_proj = int8/channel is not allowed: the array of tiny" in found
    )
    other = write_text_model(tmp_path / "other", seed=2)
    found = refused("run", str(other), "--prompt", PROMPT, "--system", "small", "--plan", str(plan))
    assert f"{plan}: the plan is for another model: it was made for {model}" in found
    plan.with_suffix(".npz").unlink()
    found = refused("run", str(model), "--prompt", PROMPT, "--system", "small", "--plan", str(plan))
    assert "plan.npz: cannot be read: No such file" in found
    plan.write_text("{}")
    found = refused("run", str(model), "--prompt", PROMPT, "--system", "small", "--plan", str(plan))
    assert "plan.json: 'version' is missing" in found


MIXED = ("--system", "small", "--set", "cim.tile.grid_columns=2", "--set", "cim.tile.narrow_weights=int4")


def test_a_plan_of_two_formats_has_cycles_and_runs(model, tmp_path):
    plan, search = tmp_path / "plan.json", ("precision", str(model), "--tokens", "64", "--no-baselines", "--json")
    result = json.loads(run(*search, *MIXED, "--context", "8", "--budget", "6.6", "--plan", str(plan)).stdout)
    assert set(result["plan"].values()) == {"int4/channel", "int8/channel"}
    assert result["on_the_array"]
    at = ("--context", "8", "--json")
    mapped, wide = (
        json.loads(run("map", str(model), *MIXED, *at, *more).stdout) for more in (("--plan", str(plan)), ())
    )
    assert (mapped["cycles"], mapped["energy_j"]) == (result["cycles"], result["energy_j"])
    assert mapped["cycles"] < wide["cycles"]
    assert mapped["dram_bytes"] < wide["dram_bytes"]
    assert "plan" not in wide
    held = {name: each["held_as"] for name, each in mapped["plan"]["weights"].items()}
    assert held == {name: storage.partition("/")[0] for name, storage in result["plan"].items()}
    assert "matrices in int4" in run("map", str(model), *MIXED, "--context", "8", "--plan", str(plan)).stdout
    text = json.loads(
        run("run", str(model), "--prompt", PROMPT, "--tokens", "2", *MIXED, "--plan", str(plan), "--json").stdout
    )
    assert len(text["tokens"]) == 2
    # An array with one format runs the plan's weights at its own bytes, and another says what it lacks.
    one = json.loads(run("map", str(model), *MIXED[:4], *at, "--plan", str(plan)).stdout)
    assert one["plan"]["exact"]
    assert one["cycles"] == wide["cycles"]
    four = json.loads(run("map", str(model), "--system", "tiny", *at, "--plan", str(plan)).stdout)
    assert not four["plan"]["exact"]
    other = write_text_model(tmp_path / "other", num_hidden_layers=1)
    assert "the plan is for another model" in refused("map", str(other), "--context", "8", "--plan", str(plan))
    wider = write_text_model(tmp_path / "wider", intermediate_size=64)
    assert "whose weights take" in refused("map", str(wider), "--context", "8", "--plan", str(plan))
    words = ("cosim", "layer", str(other), *MIXED, "--tokens", "2", "--plan", str(plan))
    assert "the plan is for another model" in refused(*words)


def test_a_budget_of_cycles_is_met(model):
    search = ("precision", str(model), "--tokens", "64", "--no-baselines", "--json", *MIXED, "--context", "8")
    least, most = (json.loads(run(*search, "--budget", budget).stdout)["cycles"] for budget in ("5.1", "9"))
    middle = (least + most) // 2
    found = json.loads(run(*search, "--budget-cycles", str(middle)).stdout)
    assert least <= found["cycles"] <= middle
    assert found["plans"][0]["name"] == f"plan, {middle:,} cycles"
    # With all bits that there are, no more can be had.
    energy = json.loads(run(*search, "--budget-energy", "1").stdout)
    assert set(energy["plan"].values()) == {"int8/channel"}
    assert "--budget-cycles = 100 is not allowed" in refused(*search, "--budget-cycles", "100")


def test_a_budget_in_bytes_is_one_in_bits(model):
    result = json.loads(
        run("precision", str(model), *SEARCH, "--budget-bytes", "10000", "--no-baselines", "--json").stdout
    )
    assert 9000 < result["bytes"] <= 10000
    assert result["baselines"] == []


def test_models_that_cannot_be_measured_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "is not a model" in refused("precision", str(tmp_path / "empty"))
    fields = {**SIZES}
    tensors = {name: each.astype(np.float32) for name, each in seeded_model(tiny("qwen3", **fields), seed=1).items()}
    name = "model.layers.1.mlp.up_proj.weight"
    tensors[name] = tensors[name].copy()
    tensors[name][3, 5] = np.nan
    folder = write_folder(tmp_path / "nan", "qwen3", tensors, **fields)
    assert f"{name}[3, 5] = nan is not allowed" in refused("precision", str(folder))
    del tensors[name]
    write_folder(tmp_path / "nan", "qwen3", tensors, **fields)
    assert f"tensor '{name}' is missing" in refused("precision", str(folder))
    (folder / "model.safetensors").unlink()
    assert "model.safetensors" in refused("precision", str(folder))


def test_budgets_and_texts_that_cannot_be_used_are_refused(model, tmp_path):
    assert "--budget = 2 bits a weight is not allowed" in refused("precision", str(model), *SEARCH, "--budget", "2")
    assert "at least" in refused("precision", str(model), *SEARCH, "--budget-bytes", "7")
    text = tmp_path / "text.txt"
    text.write_text("once upon a time once upon")
    same = ("--selection", str(text), "--test", str(text))
    assert "--test: it has a piece of selection" in refused("precision", str(model), *SEARCH, *same)
    text.write_text("once")
    assert "fewer than two" in refused("precision", str(model), *SEARCH, "--test", str(text))


def test_a_classifier_of_pictures_is_searched(tmp_path):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(3, 16)).astype(np.float32)
    node = OnnxNode("Gemm", ("x", "w"), ("y",), {"transB": 1}, "classes")
    graph = OnnxGraph((node,), {"w": weights}, {"x": (None, 16)}, {"y": (None, 3)})
    network = write_onnx(tmp_path / "c.onnx", graph)
    files = {}
    for part in ("calibration", "selection", "test"):
        pictures = rng.normal(size=(60, 16))
        files[part] = tmp_path / f"{part}.npz"
        np.savez(files[part], pictures=pictures, classes=(pictures @ weights.T).argmax(axis=1))
    texts = [word for part, path in files.items() for word in (f"--{part}", str(path))]
    search = ("precision", str(network), "--formats", "int3/channel,int6/channel", "--budget", "7.1", *texts)
    found = json.loads(run(*search, "--json").stdout)
    assert found["plan"] == {"classes": "int6/channel"}
    assert found["loss"]["float_right"] == 1
    assert 0.8 < found["loss"]["right"] <= 1
    assert "right in float64" in run(*search).stdout
    assert "--selection is missing" in refused(*search[:-4])
    assert "system = small has no NPE" in refused(*search, "--system", "small")
    assert "--context" in refused(*search, "--system", str(NPE), "--context", "8")
    on = json.loads(run(*search, "--system", str(NPE), "--formats", "int3/channel,int8/channel", "--json").stdout)
    by_name = {each["name"]: each for each in on["baselines"]}
    assert on["plan"] == {"classes": "int3/channel"}
    assert (by_name["int4/32"]["cycles"], by_name["int4/32"]["on_the_array"]) == (on["cycles"], False)
    assert by_name["int8/32"]["cycles"] != on["cycles"]
    same = [str(files["test"]) if word == str(files["selection"]) else word for word in search]
    assert "--test: it has a piece of selection" in refused(*same)
    np.savez(files["test"], pictures=np.ones((2, 9)), classes=np.ones(2))
    assert "--test: pictures of shape [9] are not allowed: [16]" in refused(*search)
    bad = OnnxGraph((node, OnnxNode("Sin", ("y",), ("z",))), graph.constants, graph.inputs, {"z": (None, 3)})
    write_onnx(network, bad)
    assert "node z: operator Sin is not allowed: one of Add, " in refused(*search)
