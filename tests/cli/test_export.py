"""The command `tilewright export`, and the example of a host that runs what it writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import refused, run
from tests.cli.text_models import PROMPT, write_text_model
from tilewright.mapping.models.readers import read_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "exported_decoder.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_text_model(tmp_path_factory.mktemp("model"))


# Prompts of an odd and of an even number of tokens: keys of four bits share bytes.
@pytest.mark.parametrize(("system", "prompt"), [("small", PROMPT), ("tiny", PROMPT), ("tiny", f"{PROMPT} once")])
def test_a_host_with_the_files_alone_writes_the_text_of_run(model, tmp_path, system, prompt):
    arguments = (str(model), "--system", system, "--capacity", "12")
    result = json.loads(run("export", *arguments, "--out", str(tmp_path / "out"), "--json").stdout)
    assert [Path(file).name for file in result.pop("files")] == ["memory.bin", "embeddings.bin", "decoder.json"]
    assert json.loads((tmp_path / "out" / "decoder.json").read_text()) == result
    text = json.loads(run("run", *arguments, "--prompt", prompt, "--tokens", "20", "--json").stdout)
    tokens = map(str, read_model(model).tokenizer.encode(prompt))
    host = [sys.executable, str(EXAMPLE), str(tmp_path / "out"), system, *tokens]
    written = subprocess.run(host, capture_output=True, text=True, check=True).stdout
    assert [int(token) for token in written.split()] == text["tokens"]
    assert len(text["tokens"]) >= 7


def test_the_programs_are_printed(model, tmp_path):
    printed = run("export", str(model), "--system", "tiny", "--capacity", "16", "--out", str(tmp_path)).stdout
    assert "even below 16" in printed
    assert "chunk of 16 tokens" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--capacity", "65"), "--capacity = 65 is not allowed: 1 to 64, the positions of the model"),
        (("--capacity", "0"), "--capacity = 0 is not allowed: 1 to 64"),
        (("--system", "nothing"), "unknown system 'nothing'"),
        (("--set", "fabric.address_bits=12"), "fabric.address_bits"),
    ],
)
def test_what_does_not_go_is_refused_in_one_line_and_leaves_nothing(model, tmp_path, arguments, message):
    folder = tmp_path / "out"
    assert message in refused("export", str(model), "--system", "small", "--out", str(folder), *arguments)
    assert not folder.exists()


def test_a_model_without_weights_and_a_folder_that_is_a_file_are_refused(tmp_path):
    assert "it comes without weights" in refused("export", "llama-3.2-1b", "--out", str(tmp_path / "out"))
    (tmp_path / "out").write_text("")
    arguments = ("export", "slate-132k", "--system", "tiny", "--capacity", "8")
    assert "out" in refused(*arguments, "--out", str(tmp_path / "out"))
