"""Templates of chats: from the files of a model to the text after which it answers."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused, run
from tests.cli.text_models import write_text_model
from tests.mapping.models.stored_models import CHARACTERS, tensors_of, write_gguf, write_pieces
from tilewright.base.errors import ConfigError
from tilewright.mapping.models.chat import ChatTemplate
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.models.scored_tokenizer import read_scored_tokenizer

TURNS = """{% for message in messages %}
    {% if message.role not in ('user', 'assistant') %}
        {{ raise_exception('roles are user and assistant') }}
    {% endif %}
{{ bos_token + message['role'] + ': ' + message['content'] | trim + eos_token }}
{% endfor %}
{% if add_generation_prompt %}
{{ bos_token }}assistant:{% endif %}"""
WORDS = "once {% for message in messages %}{{ message['content'] }}{% endfor %} time"
"""A template of words that a small model's tokenizer has."""


def chat(text: str, **marks: str) -> ChatTemplate:
    return ChatTemplate(Path("m/tokenizer_config.json"), text, **marks)


def test_a_message_becomes_a_turn_and_the_beginning_of_the_answer():
    found = chat(TURNS, begin="<|start|>", end="<|end|>").prompt(" Hello? ")
    assert found == "<|start|>user: Hello?<|end|>\n<|start|>assistant:"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% for message in %}", "Expected an expression"),
        ("{{ raise_exception('only tools may speak') }}", "only tools may speak"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ messages.append(1) }}", "access to attribute 'append' of 'list' object is unsafe"),
        ("{% for number in range(10 ** 9) %}{% endfor %}", "Range too big"),
        ("{{ 1 // 0 }}", "division"),
        ("{{ nothing.there }}", "'nothing' is undefined"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_one_line(template, message):
    with pytest.raises(ConfigError) as error:
        chat(template).prompt("Hello")
    assert str(error.value).startswith("m/tokenizer_config.json: the template of chats cannot be used: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["text", "named", "file"])
def test_folders_have_a_template_as_a_text_by_name_or_in_a_file(tmp_path, kind):
    folder = write_text_model(tmp_path)
    settings: dict = {"bos_token": {"content": "<b>"}, "eos_token": "<e>"}
    if kind == "text":
        settings["chat_template"] = WORDS
    elif kind == "named":
        settings["chat_template"] = [{"name": "tool_use", "template": "-"}, {"name": "default", "template": WORDS}]
    else:
        (folder / "chat_template.jinja").write_text(WORDS)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    found = read_model(folder).chat
    assert (found.text, found.begin, found.end) == (WORDS, "<b>", "<e>")
    assert found.path.name == ("chat_template.jinja" if kind == "file" else "tokenizer_config.json")


def test_a_folder_with_settings_that_are_no_template(tmp_path):
    folder = write_text_model(tmp_path)
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": None}))
    assert read_model(folder).chat is None
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": 5}))
    with pytest.raises(ConfigError, match="chat_template = 5 is not allowed: it must be a text"):
        read_model(folder)


@pytest.mark.parametrize("begins", [False, True])
def test_a_gguf_file_has_a_template_and_says_whether_a_token_begins_every_text(tmp_path, begins):
    plain = {"attention_bias": False, "mlp_bias": False, "rope_scaling": None}
    end = len(CHARACTERS) - 1
    mark = CHARACTERS[end]
    path = write_gguf(tmp_path / "m.gguf", tensors_of("llama", **plain), chat=TURNS, begins=begins)
    found = read_model(path)
    assert (found.chat.text, found.chat.path) == (TURNS, path)
    assert (found.chat.begin, found.chat.end) == (mark, mark)
    whole = found.tokenizer.encode("ab")
    assert (whole[0] == end) == begins
    # A text of a chat begins with what it spells out.
    inner = whole[1:] if begins else whole
    assert found.tokenizer.encode_marked(f"{mark}ab{mark}") == [end, *inner, end]


def test_pieces_that_begin_and_end_a_text_are_spelled_out(tmp_path):
    tokenizer = read_scored_tokenizer(write_pieces(tmp_path / "tok.bin"), 300)
    whole = tokenizer.encode("abc")
    assert tokenizer.encode_marked("<s>abc</s>") == [*whole, 2]
    assert tokenizer.encode_marked("abc") == whole[1:]


def test_run_turns_the_prompt_into_a_message(tmp_path):
    folder = write_text_model(tmp_path)
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": WORDS}))
    arguments = ("run", str(folder), "--prompt", "upon a", "--system", "small", "--tokens", "2")
    result = json.loads(run(*arguments, "--chat", "--json").stdout)
    assert (result["prompt"], result["prompt_tokens"]) == ("upon a", [0, 1, 2, 3])
    assert (
        result["tokens"]
        == json.loads(run("run", str(folder), "--prompt", "once upon a time", *arguments[4:], "--json").stdout)[
            "tokens"
        ]
    )
    assert run(*arguments, "--chat").stdout.startswith("upon a\n")


def test_a_model_without_a_template_is_refused(tmp_path):
    folder = write_text_model(tmp_path)
    assert f"--chat is not allowed: {folder} has no template of chats" in refused(
        "run", str(folder), "--prompt", "a", "--system", "small", "--chat"
    )
