"""The model that comes with Tilewright: its task against a reader of its own, and what the model answers."""

import random
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from benchmarks.own_model.files import NAMES, write_folder
from benchmarks.own_model.score import NAME, held_out, in_float64, in_steps, scores, shuffled
from benchmarks.own_model.shape import SHAPE
from benchmarks.own_model.task import (
    END,
    KINDS,
    LARGEST,
    WORDS,
    Question,
    difference,
    in_words,
    is_held_out,
    pair_held_out,
    question_of,
    story_with_questions,
    total,
)
from tilewright.mapping.models.load import shipped_folder
from tilewright.mapping.models.readers import read_model

CHECKPOINT = read_model(NAME)
VALUES = {in_words(number): number for number in range(LARGEST + 1)}


def number_at(words: list[str]) -> int:
    """Return the number at the beginning of some words."""
    first = words[0]
    if len(words) > 1 and f"{first} {words[1]}" in VALUES:
        return VALUES[f"{first} {words[1]}"]
    return VALUES[first]


def arithmetic(words: list[str]) -> str:
    sign = next(word for word in ("plus", "minus") if word in words)
    other = number_at(words[words.index(sign) + 1 :])
    return f"{in_words(number_at(words) + (other if sign == 'plus' else -other))} ."


def possessions(sentences: list[list[str]]) -> str:
    """Answer by the sum, and then by its result."""
    (person, _, *given), (actor, verb, *rest), (*_, asked) = sentences
    assert asked == person
    gained = verb == "finds" or (verb == "gives" and actor != person)
    had, changed = number_at(given), number_at(rest[1:] if verb == "gives" else rest)
    result = in_words(had + changed if gained else had - changed)
    sign = "plus" if gained else "minus"
    return f"{in_words(had)} {sign} {in_words(changed)} is {result} . {person} has {result} {given[-1]} ."


def story(sentences: list[list[str]]) -> str:
    """Answer by going back from the question: whoever took the thing, and where that person went last."""
    *told, asked = sentences
    subject = asked[-1]

    def sentence_about(person: str) -> str:
        place = next(each[-1] for each in reversed(told) if each[:2] == [person, "goes"])
        return f"{person} is in the {place} ."

    if "the" not in asked:
        return sentence_about(subject)
    [person] = [each[0] for each in told if each[1] == "takes" and each[-1] == subject]
    if asked[0] == "who":
        return f"{person} has the {subject} ."
    place = sentence_about(person).removeprefix(person)
    return f"{person} has the {subject} . {person}{place} the {subject}{place}"


def answer_to(text: str) -> str:
    """Return the answer to a question, read from its words alone."""
    words = text.split()
    if "plus" in words or "minus" in words:
        return arithmetic(words)
    sentences = [part.split() for part in text.replace(" ?", "").split(" . ")]
    return possessions(sentences) if "how" in words else story(sentences)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [False, True], ids=["training", "held out"])
def test_answers_are_true(kind, asked):
    rng = random.Random(7)
    for _ in range(500):
        question = question_of(kind, rng, held_out=asked)
        assert question.kind == kind
        assert answer_to(question.text) == question.answer, question.text
        assert set(f"{question.text} {question.answer}".split()) <= set(WORDS)


def test_answers_about_one_story_are_true():
    rng = random.Random(8)
    for _ in range(300):
        (first, _), *_ = parts = story_with_questions(rng, 4)
        story = first.rpartition(" . ")[0]
        for asked, answer in parts:
            text = asked if asked == first else f"{story} . {asked}"
            assert answer_to(text) == answer
            assert not is_held_out(text)


def test_numbers_that_belong_together_are_held_out_together():
    for a in range(LARGEST + 1):
        for b in range(LARGEST + 1 - a):
            family = [total(a, b), total(b, a), difference(a + b, a), difference(a + b, b)]
            assert len({each.held_out for each in family}) == 1
    pairs = {(a, b) for a in range(LARGEST + 1) for b in range(a, LARGEST + 1 - a)}
    assert 0.08 < np.mean([pair_held_out(a, b) for a, b in pairs]) < 0.12


def test_training_and_scores_share_no_question():
    rng = random.Random(1)
    trained = {question_of(kind, rng, held_out=False).text for kind in KINDS for _ in range(3000)}
    asked = {each.text for each in held_out(300)}
    assert len(asked) > 1000
    assert not trained & asked


def some(count: int) -> list[Question]:
    """Return so many held-out questions of each kind, of all sizes."""
    questions = shuffled(count)
    return [each for kind in KINDS for each in islice((each for each in questions if each.kind == kind), count)]


def test_the_model_answers_held_out_questions_in_float64():
    found = scores(CHECKPOINT, in_float64(CHECKPOINT), some(50))
    assert all(each.asked == 50 for each in found.values())
    assert found["sum"].share >= 0.98
    assert found["difference"].share >= 0.98
    assert found["possessions"].share >= 0.84
    assert found["story"].share >= 0.6


@pytest.mark.parametrize("system", ["small", "tiny"])
def test_the_model_answers_held_out_questions_in_the_arithmetic_of_systems(system):
    found = scores(CHECKPOINT, in_steps(CHECKPOINT, system), some(4))
    assert found["sum"].right == found["difference"].right == 4
    assert found["possessions"].right + found["story"].right >= 4


def test_wrong_weights_give_wrong_answers():
    """The shares tell a model that has lost the attention of one layer from the one that was trained."""
    tensors = dict(CHECKPOINT.tensors)
    tensors["model.layers.1.self_attn.o_proj.weight"] = np.zeros((64, 64))
    broken = replace(CHECKPOINT, tensors=tensors)
    found = scores(broken, in_float64(broken), some(10))
    assert sum(each.right for each in found.values()) <= 20


def test_the_recipe_writes_the_shipped_folder(tmp_path):
    tensors = CHECKPOINT.tensors
    layers = [
        {short: tensors[f"model.layers.{layer}.{name}.weight"] for short, name in NAMES.items()}
        for layer in range(CHECKPOINT.model.num_hidden_layers)
    ]
    parameters = {
        "layers": layers, "emb": tensors["model.embed_tokens.weight"], "norm": tensors["model.norm.weight"]
    }  # fmt: skip
    write_folder(tmp_path, SHAPE, parameters)
    shipped = shipped_folder(NAME)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in shipped.iterdir()}
    assert all((tmp_path / path.name).read_bytes() == path.read_bytes() for path in shipped.iterdir())
    layers[0]["q"] = layers[0]["q"] + 1e-5
    with pytest.raises(ValueError, match="weights are not on the grid"):
        write_folder(tmp_path, SHAPE, parameters)


def test_the_vocabulary_is_the_words_of_the_task():
    tokenizer = CHECKPOINT.tokenizer
    assert len(set(WORDS)) == len(WORDS) == CHECKPOINT.model.vocab_size
    assert [tokenizer.encode(word) for word in WORDS] == [[token] for token in range(len(WORDS))]
    assert tokenizer.ends == {WORDS.index(END)}
    text = "anna goes to the hall. where is anna?"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode("Three  plus FOUR is") == tokenizer.encode("three plus four is")
