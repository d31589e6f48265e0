"""Scripts and command line agree: ``--set``, lists, JSON that is ``to_dict``, CSV."""

import csv
import io
import json

import pytest

import tilewright as tw
from tilewright import cli

EDGE = tw.load_system("edge-int4")
SMALL_MODEL = {
    "model_type": "llama", "vocab_size": 256, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-5,
}  # fmt: skip


@pytest.fixture
def model(tmp_path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SMALL_MODEL))
    return str(path)


@pytest.fixture
def call(capsys):
    """Return a function that runs the command line in this process and returns status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_map_prints_what_the_function_returns(call, model):
    status, out, _ = call("map", model, "--context", "16", "--system", "small", "--json")
    assert status == 0
    assert json.loads(out) == tw.map(model, "small", context=16).to_dict()


def test_a_list_of_contexts_is_a_list(call, model, tmp_path):
    out = call("map", model, "--context", "8,16", "--system", "small", "--json")[1]
    assert json.loads(out) == [tw.map(model, "small", context=context).to_dict() for context in (8, 16)]
    table = rows(call("map", model, "--context", "8,16", "--system", "small", "--csv")[1])
    assert [row["context"] for row in table] == ["8", "16"]
    assert [int(row["cycles"]) for row in table] == [result["cycles"] for result in json.loads(out)]
    text = call("map", model, "--context", "8,16", "--system", "small", "--out", str(tmp_path / "out"))[1]
    assert "tokens/s" in text
    assert f"{json.loads(out)[1]['cycles']:,}" in text
    for context in (8, 16):
        written = json.loads((tmp_path / "out" / f"context-{context}" / "map.json").read_text())
        assert written["context"] == context


def test_a_single_run_as_csv_has_a_row_for_each_operator(call, model):
    result = tw.map(model, "small", context=16)
    table = rows(call("map", model, "--context", "16", "--system", "small", "--csv")[1])
    assert [row["step"] for row in table] == [row.name for row in result.rows]
    assert sum(int(row["cycles"]) for row in table) == result.cycles


def test_set_changes_any_field_of_a_system(call, model):
    arguments = ("map", model, "--context", "8", "--system", "small", "--json")
    changes = ("--set", "memory.latency_ns=50", "--set", "npe={rows=4}", "--set", "description=LPDDR4, mine")
    system = tw.load_system("small").with_({"memory.latency_ns": 50, "npe.rows": 4, "description": "LPDDR4, mine"})
    data = json.loads(call(*arguments, *changes)[1])
    assert data["cycles"] == tw.map(model, system, context=8).cycles < json.loads(call(*arguments)[1])["cycles"]
    assert data["system"].startswith("small with memory.latency_ns=50, npe.rows=4")


def test_set_reaches_blocks_programs_and_hosts(call, tmp_path):
    out = call("generate", "cim-tile", "--system", "tiny", "--set", "cim.tile.grid_rows=1", "--json",
               "--out", str(tmp_path))[1]  # fmt: skip
    assert json.loads(out)["configuration"]["grid_rows"] == 1
    out = call("program", "run", "examples/product.asm", "--system", "small", "--set", "memory.latency_ns=50", "--json")
    assert json.loads(out[1])["latency"] == 25
    system = tw.load_system("small").with_({"memory.latency_ns": 50})
    assert json.loads(out[1]) == tw.run(tw.load_program("examples/product.asm", system)).to_dict()
    prefetched, plain = (
        json.loads(call("cpu", "predict", "--core-ghz", "50", "--set", f"l2.prefetcher={kind}", "--json")[1])
        for kind in ("stride", "none")
    )
    assert prefetched["clocks"] == plain["clocks"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["cim.tils=8"], "unknown field 'cim.tils' (did you mean 'tiles'?"),
        (["cim.tiles"], "--set cim.tiles is not allowed: it must be KEY=VALUE"),
        (["=8"], "--set =8 is not allowed: it must be KEY=VALUE"),
        (["cim.tiles=many"], "cim.tiles = 'many' is not allowed: it must be an integer"),
        (["cim.tiles=8", "cim.tiles=4"], "--set cim.tiles=4 is not allowed: cim.tiles is set twice"),
        (["fabric.banks=5"], "fabric.banks = 5 is not allowed: it must be a power of two"),
        (["cim.tile.group_scale=none", "cim.tile.group_rows=32"], "cim.tile.group_rows = 32 is not allowed"),
    ],
)
def test_a_bad_change_is_one_line(call, changes, said):
    options = [part for change in changes for part in ("--set", change)]
    status, out, err = call("map", "llama-3.2-1b", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"tilewright: error: {said}")
    assert err.count("\n") == 1


def test_a_change_without_a_system_and_two_forms_of_output_are_refused(call):
    status, _, err = call("generate", "cim-tile", "--rows", "4", "--set", "cim.tiles=4")
    assert (status, err) == (2, "tilewright: error: --set changes a system: --system is missing\n")
    for command in (["list"], ["doctor"], ["map", "llama-3.2-1b"]):
        assert call(*command, "--json", "--csv")[0] == 2
    status, _, err = call("map", "llama-3.2-1b", "--host", "baseline", "--set", "host=cryogenic")
    assert (status, err) == (2, "tilewright: error: --set host is not allowed with --host: both choose the host\n")


@pytest.mark.parametrize(
    "command", [["list"], ["doctor"], ["program", "fields"], ["cpu", "predict", "--core-ghz", "50"]]
)
def test_tables_are_printed_as_csv(call, command):
    table = rows(call(*command, "--csv")[1])
    assert len(table) > 3
    assert all(None not in row for row in table)
    assert len(table[0]) > 2


def test_options_of_blocks_are_those_of_the_function():
    block = tw.generate("posit-adder", format="posit8_0", stages=1, back_pressure=False)
    assert block.to_dict()["configuration"] == {"format": "posit8_0", "stages": 1, "back_pressure": "no"}
    assert tw.generate("posit-adder", format=tw.parse_format("posit8_0")).name == "posit_adder"
    for options, said in (
        ({"formt": "posit8_0"}, "unknown option 'formt' (did you mean 'format'?"),
        ({"format": "posit99_0"}, "format: posit99_0: n = 99 is not allowed"),
        ({"format": "bf16"}, "format = bf16 is not allowed"),
        ({"stages": "many"}, "stages = 'many' is not allowed: it must be an integer"),
        ({"back_pressure": "maybe"}, "back_pressure = 'maybe' is not allowed"),
    ):
        with pytest.raises(tw.ConfigError) as refused:
            tw.generate("posit-adder", **options)
        assert str(refused.value).startswith(said)
    with pytest.raises(tw.ConfigError, match="unknown block 'posit-ader'"):
        tw.generate("posit-ader")
    with pytest.raises(tw.ConfigError, match="system is missing"):
        tw.generate("accelerator")
