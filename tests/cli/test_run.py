"""The command `tilewright run` on the exact model; tests/cocotb_tests has it in RTL."""

import json

import pytest

from tests.cli.command_line import refused, run
from tests.cli.text_models import PROMPT, write_text_model
from tilewright.mapping.lower.comparison import compare
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.precision.calibration import Calibrated
from tilewright.sim.config import load_system


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_text_model(tmp_path_factory.mktemp("model"))


def test_json_has_the_text_and_what_it_took(model, tmp_path):
    arguments = ("run", str(model), "--prompt", PROMPT, "--tokens", "3", "--system", "small", "--trace")
    result = json.loads(run(*arguments, "--out", str(tmp_path), "--json").stdout)
    checkpoint, config = read_model(model), load_system("small").accelerator
    decoder = StepsDecoder(checkpoint.model, Calibrated(checkpoint, config), config, context=8)
    text = checkpoint.tokenizer.encode(PROMPT)
    assert result["prompt_tokens"] == text == [0, 1, 2, 3]
    for token in result["tokens"]:
        logits = decoder.logits(text[decoder.position :])[-1]
        assert token == logits.argmax()
        text.append(token)
    assert result["text"] == "".join(f" {word}" for word in checkpoint.tokenizer.decode(result["tokens"]).split())
    assert result["stop"] == "tokens"
    assert result["model_cycles"] == sum(row["model_cycles"] for row in result["programs"])
    # A prompt's last token is a program of its own: no other one makes logits.
    assert [row["tokens"] for row in result["programs"]] == [3, 1, 1, 1]
    *prompt, second, third = (row["model_cycles"] for row in result["programs"])
    others = [second, third]
    assert result["first_token_s"] == pytest.approx(sum(prompt) / 500e6)
    assert result["tokens_per_s"] == pytest.approx(len(others) / (sum(others) / 500e6))
    assert 0 < result["bound_fraction"] < 1
    assert result["energy_j"] > 0
    assert result["rtl_cycles"] is result["mismatches"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.json", "text.trace.json"]
    spans = json.loads((tmp_path / "text.trace.json").read_text())["traceEvents"]
    ends = [span["ts"] + span["dur"] for span in spans if span["ph"] == "X"]
    # The last command of a program ends a little before the program.
    assert sum(others) / 1000 < max(ends) < result["model_cycles"] / 1000


def test_the_text_is_printed_and_then_a_table(model):
    printed = run("run", str(model), "--prompt", PROMPT, "--tokens", "2", "--system", "small").stdout
    assert printed.startswith(f"{PROMPT} ")
    assert "3 programs on the exact model" in printed
    assert "after a prompt of 4" in printed


def test_the_arithmetic_is_compared_with_float64(model, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(" ".join(["once upon a time w7 w9 w30"] * 3))
    arguments = ("run", str(model), "--prompt", PROMPT, "--tokens", "2", "--system", "small", "--json", "--compare")
    result = json.loads(run(*arguments, str(file)).stdout)
    checkpoint, config = read_model(model), load_system("small").accelerator
    tokens = checkpoint.tokenizer.encode(file.read_text())
    tensors = Calibrated(checkpoint, config)
    expected = compare(checkpoint.model, checkpoint.tensors, tokens, config, quantised=tensors)
    assert result["compared_tokens"] == len(tokens) == 21
    assert [result["agreement"], result["perplexity"]] == [expected.agreement, expected.perplexity]
    assert 0.9 < result["perplexity"] / result["float_perplexity"] < 1.1
    plain = json.loads(run(*arguments, str(file), "--no-equalise").stdout)
    assert plain["perplexity"] == compare(checkpoint.model, checkpoint.tensors, tokens, config).perplexity
    assert plain["perplexity"] != result["perplexity"]
    assert json.loads(run(*arguments).stdout)["compared_tokens"] == 4 + 2


def test_rows_as_csv(model):
    lines = run("run", str(model), "--prompt", "a", "--tokens", "2", "--system", "small", "--csv").stdout.splitlines()
    assert lines[0].startswith("name,position,tokens,token,model_cycles,rtl_cycles,mismatches")
    assert [line.split(",")[0] for line in lines[1:]] == ["token 0", "token 1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prompt", "a " * 100), "--prompt has 100 tokens, and there is room for 64"),
        (("--prompt", "a a", "--capacity", "1"), "--prompt has 2 tokens, and there is room for 1"),
        (("--prompt", "a", "--capacity", "65"), "--capacity = 65 is not allowed: 1 to 64, the positions of the model"),
        ((), "--prompt is empty: there must be a token to begin with"),
        (("--prompt", "a", "--set", "fabric.bank=8"), "unknown field 'fabric.bank' (did you mean 'banks'?"),
    ],
)
def test_what_does_not_go_is_refused_in_one_line(model, arguments, message):
    assert message in refused("run", str(model), "--system", "small", *arguments)


def test_a_model_without_a_tokenizer_is_refused(tmp_path):
    model = write_text_model(tmp_path)
    (model / "tokenizer.json").unlink()
    assert "there is no tokenizer beside the weights" in refused("run", str(model), "--prompt", "a")


def test_the_shipped_model_answers_and_names_a_word_that_it_does_not_know():
    arguments = ("run", "slate-132k", "--tokens", "8", "--system", "tiny", "--json", "--prompt")
    result = json.loads(run(*arguments, "Three plus four is").stdout)
    assert (result["text"], result["stop"]) == (" seven.", "end of text")
    assert "'sevn' is not allowed: the tokenizer has no token for it (did you mean 'seven'?)" in refused(
        *arguments, "three plus sevn is"
    )
    assert "model = 'llama-3.2-1b' is not allowed here: it comes without weights" in refused(
        "run", "llama-3.2-1b", "--prompt", "a"
    )
