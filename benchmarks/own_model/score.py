"""Asks the model that comes with Tilewright the questions that were held out, and prints the shares of right answers.

    python -m benchmarks.own_model.score
    python -m benchmarks.own_model.score --system small

Without a system the model computes in float64; with one, in the arithmetic of that system, bit for bit. An answer is
right if it is the right one word for word, the end included, when each word is the most probable one. Every sum and
difference of a pair that is held out is asked, and as many random ones of the other kinds as ``--questions`` says.
"""

import argparse
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from tilewright.base.tables import terminal_table
from tilewright.mapping.lower.steps_decoder import StepsDecoder
from tilewright.mapping.models.readers import Checkpoint, read_model
from tilewright.mapping.models.reference import decoder_logits
from tilewright.mapping.precision.calibration import Calibrated
from tilewright.sim.config import load_system

from .task import END, KINDS, LARGEST, Question, difference, pair_held_out, question_of, total

NAME = "slate-132k"
"""Name of the model."""
SEED = 2
"""Seed of the random questions; training has another."""
QUESTIONS = 300
"""Number of random questions of each kind."""
ALL_ASKED = ("sum", "difference")
"""Kinds of which every held-out question is asked."""

Logits = Callable[[Sequence[int]], np.ndarray]
"""Functions that return the logits after each of some tokens, (tokens, vocabulary)."""


@dataclass
class Score:
    """Number of questions of a kind, and of right answers."""

    asked: int = 0
    right: int = 0

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.right / self.asked


def held_out(count: int) -> Iterator[Question]:
    """Yield all sums and differences that are held out, and ``count`` random questions of each other kind."""
    for a in range(LARGEST + 1):
        for b in range(LARGEST + 1 - a):
            if pair_held_out(a, b):
                yield total(a, b)
                yield difference(a + b, b)
    rng = random.Random(SEED)
    for kind in KINDS:
        if kind not in ALL_ASKED:
            yield from (question_of(kind, rng, held_out=True) for _ in range(count))


def shuffled(count: int) -> list[Question]:
    """Return these questions in a random order."""
    questions = list(held_out(count))
    random.Random(SEED + 1).shuffle(questions)
    return questions


def is_right(checkpoint: Checkpoint, logits: Logits, question: Question) -> bool:
    """Return whether the most probable words after a question are its answer and the end.

    The answer stands behind the question from the start: as long as all words are right, each is chosen after the
    words that the model itself would have written.
    """
    assert checkpoint.tokenizer
    asked = checkpoint.tokenizer.encode(question.text)
    answer = checkpoint.tokenizer.encode(f"{question.answer} {END}")
    found = logits([*asked, *answer[:-1]])[len(asked) - 1 :].argmax(axis=-1)
    return bool((found == answer).all())


def scores(checkpoint: Checkpoint, logits: Logits, questions: Iterable[Question]) -> dict[str, Score]:
    """Return the scores of all kinds of questions."""
    found = {kind: Score() for kind in KINDS}
    for question in questions:
        score = found[question.kind]
        score.asked += 1
        score.right += is_right(checkpoint, logits, question)
    return found


def in_float64(checkpoint: Checkpoint) -> Logits:
    """Return the logits of the model in float64."""
    tensors = dict(checkpoint.tensors)
    return lambda tokens: decoder_logits(checkpoint.model, tensors, tokens)


def in_steps(checkpoint: Checkpoint, system: str) -> Logits:
    """Return the logits of the model in the arithmetic of a system, equalised as ``tilewright run`` does."""
    model, config = checkpoint.model, load_system(system).accelerator
    decoder = StepsDecoder(model, Calibrated(checkpoint, config), config, context=model.max_position_embeddings)

    def logits(tokens: Sequence[int]) -> np.ndarray:
        decoder.restart()
        return decoder.logits(tokens)

    return logits


def main() -> None:
    """Ask, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default=NAME, help="name or folder of the model")
    options.add_argument("--questions", type=int, default=QUESTIONS, help="number of random questions of each kind")
    options.add_argument("--every", type=int, default=1, help="ask every so many of these questions, in a random order")
    options.add_argument("--system", help="preset or file of the system whose arithmetic computes; float64 without it")
    arguments = options.parse_args()
    checkpoint = read_model(arguments.model)
    logits = in_steps(checkpoint, arguments.system) if arguments.system else in_float64(checkpoint)
    found = scores(checkpoint, logits, shuffled(arguments.questions)[:: arguments.every])
    rows = [(kind, f"{each.asked:,}", f"{each.right:,}", f"{each.share:.1%}") for kind, each in found.items()]
    Console().print(
        terminal_table(
            ("kind", "questions", "right", "share"), rows, title=f"{arguments.model} in {arguments.system or 'float64'}"
        )
    )


if __name__ == "__main__":
    main()
