"""Trains the model that comes with Tilewright, and writes its folder.

    python3 -m venv trainvenv && trainvenv/bin/pip install jax safetensors tokenizers
    trainvenv/bin/python -m benchmarks.own_model.train --out FOLDER

Takes about 90 CPU-seconds. JAX is no dependency of the project: nobody needs it who does not train. It runs on one
thread, with seeds.

The matrices of the layers are trained by Muon (momentum whose matrix is made orthogonal), all else by Adam. Only words
of answers count, words of questions for a fiftieth. Late in the first stage, and in all of the second one, numbers are
rounded as the smallest presets store them, so that the model learns to answer with such numbers; the file has these
weights.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .decoder import Parameters, initial, logits, weights_on_grid
from .files import read_folder, write_folder
from .shape import SHAPE
from .task import END, KINDS, WORDS, Question, question_of, story_with_questions

SEED = 1


@dataclass(frozen=True)
class Stage:
    """A part of the training: it begins with the weights of the part before as its file has them, and a seed of its
    own."""

    last: int
    """Number of the last step."""
    steps: int
    """Number of steps after which the rate would be zero."""
    rounded_after: int
    """Number of steps before numbers are rounded."""
    shares: dict[str, float]
    """Shares of the kinds of texts while a row has much room."""
    much: int
    """Room that is much, in tokens; sums and differences fill what is left."""
    rate: float = 1.0
    """Factor of the rates."""
    warm_up: int = 50
    """Number of steps in which the rate rises."""
    fall: float = 0.5
    """Part of the steps, at the end, in which the rate falls."""

    def rate_at(self, number: int) -> float:
        """Return the factor of the rates in a step, the first of which is 1."""
        return self.rate * min(number / self.warm_up, 1.0, (self.steps - number + 1) / (self.fall * self.steps))


STAGES = (
    Stage(880, 1100, 750, {"sum": 0.15, "difference": 0.15, "possessions": 0.3, "story": 0.4}, much=40),
    Stage(150, 150, 0, {"possessions": 0.5, "stories": 0.5}, much=65, rate=0.4, warm_up=10, fall=1.0),
)
ROWS, LENGTH = 24, 64
"""Number of rows of a batch, and of tokens of a row, into which whole texts are put one after another."""
SHORT = ("sum", "difference")
MUON_RATE, MUON_DECAY, ADAM_RATE = 0.02, 0.1, 0.004
QUESTION_WEIGHT = 0.02
POOL = {"sum": 20_000, "difference": 20_000, "possessions": 20_000, "story": 30_000, "stories": 5_000}
"""Number of texts of each kind from which batches are taken; those of ``stories`` have several questions."""
QUESTIONS = 4
"""Number of questions after one of ``stories``, as far as there is room."""
CHECKED, CHECK_EVERY = 50, 110
"""Number of held-out questions of each kind that are asked on the way, and the steps in between."""

IDS = {word: token for token, word in enumerate(WORDS)}
Text = tuple[list[int], list[float]]
"""Tokens, and the weight of each in the loss."""
Moments = list[tuple[jax.Array, jax.Array]]


def text_of(parts: Iterable[tuple[str, str]]) -> Text:
    """Return the text of questions, each followed by its answer and the end, as far as they fit into a row."""
    tokens: list[int] = []
    weights: list[float] = []
    for asked, answer in parts:
        question, answered = ([IDS[word] for word in part.split()] for part in (asked, f"{answer} {END}"))
        if len(tokens) + len(question) + len(answered) > LENGTH + 1:
            break
        tokens += question + answered
        weights += [QUESTION_WEIGHT] * len(question) + [1.0] * len(answered)
    return tokens, weights


def texts_of(kind: str, rng: random.Random, count: int) -> list[Text]:
    """Return texts to train with."""
    if kind == "stories":
        return [text_of(story_with_questions(rng, QUESTIONS)) for _ in range(count)]
    questions = (question_of(kind, rng, held_out=False) for _ in range(count))
    return [text_of([(each.text, each.answer)]) for each in questions]


def batches(
    rng: random.Random, pools: dict[str, list[Text]], stage: Stage
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield tokens, numbers of texts and weights of batches, (rows, tokens and one more)."""
    kinds, shares = list(stage.shares), list(stage.shares.values())
    while True:
        tokens = np.zeros((ROWS, LENGTH + 1), np.int32)
        segments, weights = np.zeros_like(tokens), np.zeros(tokens.shape, np.float32)
        for row in range(ROWS):
            begin, segment = 0, 1
            while True:
                room = LENGTH + 1 - begin
                kind = rng.choices(kinds, shares)[0] if room >= stage.much else rng.choice(SHORT)
                text, own = rng.choice(pools[kind])
                end = begin + len(text)
                if end > LENGTH + 1:
                    break
                tokens[row, begin:end], weights[row, begin:end] = text, own
                segments[row, begin:end] = segment
                weights[row, begin] = 0
                begin, segment = end, segment + 1
        yield tokens, segments, weights


def loss_of(parameters: Parameters, tokens: Any, segments: Any, weights: Any, rounded: bool) -> jax.Array:
    """Return the mean cross-entropy of the next words."""
    shares = jax.nn.log_softmax(logits(parameters, tokens[:, :-1], segments[:, :-1], rounded), -1)
    found = jnp.take_along_axis(shares, tokens[:, 1:, None], -1)[..., 0]
    return -(found * weights[:, 1:]).sum() / weights[:, 1:].sum()


def orthogonal(matrix: jax.Array) -> jax.Array:
    """Return about the nearest orthogonal matrix, by the Newton-Schulz iteration of Muon (Jordan et al., 2024)."""
    turned = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if turned else matrix
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(4):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    x = x * max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
    return x.T if turned else x


@partial(jax.jit, static_argnames="rounded", donate_argnums=(0, 1))
def step(
    parameters: Parameters, moments: Moments, tokens: Any, segments: Any, weights: Any, rate: float, number: int,
    rounded: bool,
) -> tuple[Parameters, Moments, jax.Array]:  # fmt: skip
    """Return parameters and moments after a step, and the loss before it."""
    loss, gradients = jax.value_and_grad(loss_of)(parameters, tokens, segments, weights, rounded)

    def updated(values: jax.Array, gradient: jax.Array, first: jax.Array, second: jax.Array) -> tuple[jax.Array, Any]:
        if values.ndim == 2 and values.shape[0] != len(WORDS):
            first = 0.95 * first + 0.05 * gradient
            direction = orthogonal(0.95 * first + 0.05 * gradient)
            return values * (1 - rate * MUON_RATE * MUON_DECAY) - rate * MUON_RATE * direction, (first, second)
        first = 0.9 * first + 0.1 * gradient
        second = 0.98 * second + 0.02 * gradient * gradient
        scaled = (first / (1 - 0.9**number)) / (jnp.sqrt(second / (1 - 0.98**number)) + 1e-9)
        return values - rate * ADAM_RATE * scaled, (first, second)

    flat, tree = jax.tree.flatten(parameters)
    found = [updated(*each, *own) for *each, own in zip(flat, jax.tree.leaves(gradients), moments, strict=True)]
    return jax.tree.unflatten(tree, [values for values, _ in found]), [own for _, own in found], loss


@partial(jax.jit, static_argnames="rounded")
def chosen(parameters: Parameters, tokens: Any, rounded: bool) -> jax.Array:
    """Return the most probable word after each word of some texts."""
    return logits(parameters, tokens, jnp.ones_like(tokens), rounded).argmax(-1)


def right(parameters: Parameters, questions: list[Question], rounded: bool) -> float:
    """Return the share of questions whose most probable answer is the right one."""
    texts = [text_of([(each.text, each.answer)]) for each in questions]
    tokens = np.zeros((len(texts), LENGTH), np.int32)
    for row, (text, _) in enumerate(texts):
        tokens[row, : len(text)] = text
    words = np.asarray(chosen(parameters, tokens, rounded))
    found = []
    for row, (text, weights) in enumerate(texts):
        begin = weights.index(1.0)
        found.append(list(words[row, begin - 1 : len(text) - 1]) == text[begin:])
    return float(np.mean(found))


def on_grid(parameters: Parameters) -> Parameters:
    """Return parameters as the file has them."""
    return jax.tree.map(lambda values: weights_on_grid(values) if values.ndim == 2 else values, parameters)


def trained(parameters: Parameters, stage: Stage, seed: int, out: Path) -> Parameters:
    """Return parameters after a stage, as the file has them; on the way, print scores and write the folder."""
    rng = random.Random(seed)
    pools = {kind: texts_of(kind, rng, count) for kind, count in POOL.items() if kind in {*SHORT, *stage.shares}}
    asked = {kind: [question_of(kind, rng, held_out=True) for _ in range(CHECKED)] for kind in KINDS}
    moments = [(jnp.zeros_like(values), jnp.zeros_like(values)) for values in jax.tree.leaves(parameters)]
    source = batches(rng, pools, stage)
    losses: list[jax.Array] = []
    for number in range(1, stage.last + 1):
        rate, rounded = stage.rate_at(number), number > stage.rounded_after
        parameters, moments, loss = step(parameters, moments, *next(source), rate, number, rounded)
        losses.append(loss)
        if number % CHECK_EVERY == 0 or number == stage.last:
            shares = {kind: f"{right(parameters, texts, rounded):.0%}" for kind, texts in asked.items()}
            print(
                f"step {number}: loss {float(np.mean(losses)):.4f}, {time.process_time():.0f} CPU-s, {shares}",
                flush=True,
            )
            losses.clear()
            write_folder(out, SHAPE, on_grid(parameters))
    return on_grid(parameters)


def main() -> None:
    """Train in stages."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="folder to write")
    options.add_argument("--after", type=Path, help="folder of the first stage, to begin with the second one")
    arguments = options.parse_args()
    parameters = read_folder(arguments.after, SHAPE) if arguments.after else initial(jax.random.key(0))
    print(f"{sum(each.size for each in jax.tree.leaves(parameters)):,} parameters", flush=True)
    for index, stage in enumerate(STAGES):
        if index or not arguments.after:
            parameters = trained(parameters, stage, SEED + index, arguments.out)


if __name__ == "__main__":
    main()
