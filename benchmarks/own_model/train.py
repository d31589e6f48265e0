"""Trains the model that comes with Tilewright, and writes its folder.

    python3 -m venv trainvenv && trainvenv/bin/pip install jax safetensors tokenizers
    trainvenv/bin/python -m benchmarks.own_model.train --out FOLDER

JAX is no dependency of the project: nobody needs it who does not train. It runs on one thread, with a seed.

The matrices of the layers are trained by Muon (momentum whose matrix is made orthogonal), all else by Adam. Only words
of answers count, words of questions for a fiftieth. After two thirds of the steps all numbers are rounded as the
smallest presets store them, so that the model learns to answer with such numbers; the file has these weights.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .decoder import SHAPE, Parameters, initial, logits, weights_on_grid
from .files import write_folder
from .task import END, KINDS, WORDS, Question, question_of

SEED = 1
STEPS, ROUNDED_AFTER, WARM_UP, FALL = 2500, 1700, 100, 0.4
"""Number of steps, of those before numbers are rounded, and of those in which the rate rises; part of them in which it
falls."""
ROWS, LENGTH = 24, 64
"""Number of rows of a batch, and of tokens of a row, into which whole texts are put one after another."""
MUON_RATE, MUON_DECAY, ADAM_RATE = 0.02, 0.1, 0.004
QUESTION_WEIGHT = 0.02
POOL = {"sum": 30_000, "difference": 30_000, "possessions": 60_000, "story": 120_000}
"""Number of texts of each kind from which batches are taken."""
SHARES = {"sum": 0.3, "difference": 0.3, "possessions": 0.15, "story": 0.25}
CHECKED, CHECK_EVERY = 100, 100
"""Number of held-out questions of each kind that are asked on the way, and the steps in between."""

IDS = {word: token for token, word in enumerate(WORDS)}
Text = tuple[list[int], list[int]]
"""Tokens of a question, and those of its answer with the end."""
Moments = list[tuple[jax.Array, jax.Array]]


def text_of(question: Question) -> Text:
    """Return the tokens of a question and of its answer."""
    asked, answered = ([IDS[word] for word in part.split()] for part in (question.text, question.answer))
    return asked, [*answered, IDS[END]]


def batches(rng: random.Random, pools: dict[str, list[Text]]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield tokens, numbers of texts and weights of batches, (rows, tokens and one more)."""
    kinds, shares = list(SHARES), list(SHARES.values())
    while True:
        tokens = np.zeros((ROWS, LENGTH + 1), np.int32)
        segments, weights = np.zeros_like(tokens), np.zeros(tokens.shape, np.float32)
        for row in range(ROWS):
            begin, segment = 0, 1
            while True:
                asked, answered = rng.choice(pools[rng.choices(kinds, shares)[0]])
                middle, end = begin + len(asked), begin + len(asked) + len(answered)
                if end > LENGTH + 1:
                    break
                tokens[row, begin:end] = asked + answered
                segments[row, begin:end] = segment
                weights[row, begin + 1 : middle], weights[row, middle:end] = QUESTION_WEIGHT, 1
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
    for _ in range(5):
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


def right(parameters: Parameters, texts: list[Text], rounded: bool) -> float:
    """Return the share of questions whose most probable answer is the right one."""
    tokens = np.zeros((len(texts), max(50, *(len(asked) + len(answered) for asked, answered in texts))), np.int32)
    for row, (asked, answered) in enumerate(texts):
        tokens[row, : len(asked) + len(answered)] = asked + answered
    words = np.asarray(chosen(parameters, tokens, rounded))
    found = [
        list(words[row, len(asked) - 1 : len(asked) + len(answered) - 1]) == answered
        for row, (asked, answered) in enumerate(texts)
    ]
    return float(np.mean(found))


def on_grid(parameters: Parameters) -> Parameters:
    """Return parameters as the file has them."""
    return jax.tree.map(lambda values: weights_on_grid(values) if values.ndim == 2 else values, parameters)


def main() -> None:
    """Train; on the way, print loss and shares of right answers, and write the folder."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="folder to write")
    options.add_argument("--steps", type=int, default=STEPS, help="number of the step after which to stop")
    arguments = options.parse_args()
    rng = random.Random(SEED)
    pools = {
        kind: [text_of(question_of(kind, rng, held_out=False)) for _ in range(count)] for kind, count in POOL.items()
    }
    asked = {kind: [text_of(question_of(kind, rng, held_out=True)) for _ in range(CHECKED)] for kind in KINDS}
    parameters = initial(jax.random.key(0))
    print(f"{sum(each.size for each in jax.tree.leaves(parameters)):,} parameters", flush=True)
    moments = [(jnp.zeros_like(values), jnp.zeros_like(values)) for values in jax.tree.leaves(parameters)]
    source = batches(rng, pools)
    losses: list[jax.Array] = []
    for number in range(1, arguments.steps + 1):
        rate = min(number / WARM_UP, 1.0, (STEPS - number + 1) / (FALL * STEPS))
        rounded = number > ROUNDED_AFTER
        parameters, moments, loss = step(parameters, moments, *next(source), rate, number, rounded)
        losses.append(loss)
        if number % CHECK_EVERY == 0 or number == arguments.steps:
            shares = {kind: f"{right(parameters, texts, rounded):.0%}" for kind, texts in asked.items()}
            print(
                f"step {number}: loss {float(np.mean(losses)):.4f}, {time.process_time():.0f} CPU-s, {shares}",
                flush=True,
            )
            losses.clear()
            write_folder(arguments.out, SHAPE, on_grid(parameters))


if __name__ == "__main__":
    main()
