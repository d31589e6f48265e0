"""Measures a network that tells whether a line of text stands on its head, in formats of the NPE.

    python -m benchmarks.orientation --out FOLDER

The network is the classifier of orientation of PP-OCR, a MobileNetV3, from PyPI's ``rapidocr-onnxruntime`` (Apache-2.0;
``pip install --no-deps rapidocr-onnxruntime==1.4.4``). Its pictures are lines of text that this script draws with the
fonts of matplotlib, in several faces, sizes, colours and small angles, blurred and with noise, half of them turned by
180 degrees, so that the right answers are known: 64 to calibrate with, 48 to choose a plan with, 400 to test with, no
line of text in two of the parts. Writes docs/orientation.md, and to FOLDER the pictures as `tilewright precision`
takes them: `calibration.npz`, `selection.npz`, `test.npz`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.pages import filled
from tilewright.base.files import write_text
from tilewright.base.packages import package_folder
from tilewright.base.tables import markdown_table
from tilewright.mapping.classifier_cost import picture_counts
from tilewright.mapping.models.classifier import Classifier
from tilewright.mapping.models.readers.onnx_classifier import read_classifier
from tilewright.mapping.precision.npe_classifier import NpeClassifier, Quantiser, storage_of
from tilewright.mapping.precision.plans.assignment import Choice, assign
from tilewright.mapping.precision.plans.decoder_network import log_probabilities
from tilewright.sim.config import load_system
from tilewright.sim.formats.simd import Mode

ROOT = Path(__file__).parents[1]
PAGE, TEMPLATE = ROOT / "docs" / "orientation.md", Path(__file__).parent / "orientation.md"
SYSTEM = ROOT / "examples" / "systems" / "edge-npe.toml"
PACKAGE, MODEL = "rapidocr_onnxruntime", Path("models") / "ch_ppocr_mobile_v2.0_cls_infer.onnx"
SENTENCES = Path(__file__).parent / "sentences.txt"
FACES = ("Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "SansMono-Bold", "Serif", "Serif-Bold", "Serif-Italic")
"""Faces of the font DejaVu, which come with matplotlib."""
HEIGHT, WIDTH = 48, 192
"""Size of a picture; what a line leaves free at the right is grey."""
WORDS, SIZES, ANGLE, NOISE = (2, 5), (12, 49), 3.0, 12.0
"""Numbers of words and sizes of letters, the end left out; largest angle in degrees; largest noise, of 255."""
PARTS = {"calibration": 64, "selection": 48, "test": 400}
SEED = 1
ALONE = (Mode.BF16, Mode.INT8, Mode.POSIT8_0, Mode.FP8_E4M3, Mode.INT4, Mode.FP4_E2M1)
"""Formats that all products have."""
WIDE, SMALL = Mode.INT8, Mode.FP4_E2M1
"""Formats among which a plan chooses for each product."""
SHARES = (0.25, 0.5)
"""Weights of plans in the small format, as parts of all: at most."""


@dataclass(frozen=True)
class Lines:
    """Pictures of lines of text, (pictures, channels, height, width), and whether each one stands on its head."""

    pictures: np.ndarray
    classes: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Pictures as rows of elements."""
        return self.pictures.reshape(len(self.pictures), -1)


def model_path() -> Path:
    """Return the path of the network.

    Raises
    ------
    ConfigError
        If the package is not installed.
    """
    return package_folder(PACKAGE, "the network is", "rapidocr-onnxruntime==1.4.4") / MODEL


def drawn() -> dict[str, Lines]:
    """Return the pictures of all parts."""
    rng, words = np.random.default_rng(SEED), SENTENCES.read_text().split()
    texts: dict[str, None] = {}
    while len(texts) < sum(PARTS.values()):
        texts[" ".join(rng.choice(words, int(rng.integers(*WORDS))))] = None
    left, found = list(texts), {}
    for part, count in PARTS.items():
        lines, left = left[:count], left[count:]
        classes = rng.permutation(np.arange(count) % 2)
        pictures = np.array([_line(text, bool(kind), rng) for text, kind in zip(lines, classes, strict=True)])
        found[part] = Lines(pictures, classes)
    return found


def _line(text: str, turned: bool, rng: np.random.Generator) -> np.ndarray:
    """Return a line of text as the network takes it, from -1 to 1."""
    size = int(rng.integers(*SIZES))
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(folder / f"DejaVu{rng.choice(FACES)}.ttf"), size)
    left, top, right, bottom = (int(each) for each in font.getbbox(text))
    above, below, before, after = (int(each) for each in rng.integers(1, size // 3 + 1, 4))
    ink = rng.integers(0, 256, 3)
    paper = (ink + rng.integers(90, 166, 3)) % 256
    colours = tuple(tuple(int(part) for part in colour) for colour in (paper, ink))
    picture = Image.new("RGB", (right - left + before + after, bottom - top + above + below), colours[0])  # type: ignore[arg-type]
    ImageDraw.Draw(picture).text((before - left, above - top), text, font=font, fill=colours[1])  # type: ignore[arg-type]
    angle = float(rng.uniform(-ANGLE, ANGLE))
    picture = picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=colours[0])  # type: ignore[arg-type]
    picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, size / 24))))
    if turned:
        picture = picture.transpose(Image.Transpose.ROTATE_180)
    width = min(WIDTH, -(-HEIGHT * picture.width // picture.height))
    dots = np.asarray(picture.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float64)
    dots = np.clip(np.rint(dots + rng.normal(0, rng.uniform(0, NOISE), dots.shape)), 0, 255)
    found = np.zeros((3, HEIGHT, WIDTH))
    found[:, :, :width] = (dots / 127.5 - 1).transpose(2, 0, 1)
    return found


def right(logits: np.ndarray, classes: np.ndarray) -> float:
    """Return the share of right answers."""
    return float((logits.argmax(axis=1) == classes).mean())


def divergence(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the mean Kullback-Leibler divergence of two arrays of logits, in nats."""
    exact, other = log_probabilities(expected.copy()), log_probabilities(found.copy())
    return float((np.exp(exact) * (exact - other)).sum(axis=1).mean())


def chosen_plans(quantiser: Quantiser, selection: Lines) -> dict[str, NpeClassifier]:
    """Return plans in which the products that lose least have the small format, by name."""
    products = quantiser.products
    expected = quantiser.classifier.logits(selection.rows)
    plain = divergence(expected, quantiser.quantised([WIDE] * len(products)).logits(selection.rows))
    choices = {}
    for changed in products:
        modes = [SMALL if each is changed else WIDE for each in products]
        loss = divergence(expected, quantiser.quantised(modes).logits(selection.rows))
        print(f"{changed.name}: {loss - plain:.5f}", flush=True)
        size = changed.weights.size
        choices[changed.name] = [
            Choice(storage_of(SMALL), size * SMALL.bits, max(loss - plain, 0.0)),
            Choice(storage_of(WIDE), size * WIDE.bits, -1e-9),
        ]
    weights, found = sum(each.weights.size for each in products), {}
    for share in SHARES:
        plan = assign(choices, weights * (WIDE.bits - share * (WIDE.bits - SMALL.bits)))
        modes = [SMALL if plan[each.name] == storage_of(SMALL) else WIDE for each in products]
        made = quantiser.quantised(modes)
        count = modes.count(SMALL)
        found[f"plan: {SMALL.label} in {count} of {len(products)} products, {WIDE.label} in the rest"] = made
    return found


def figures(classifier: Classifier, parts: dict[str, Lines]) -> dict[str, str]:
    """Return the parts of the page."""
    system, test = load_system(SYSTEM), parts["test"]
    quantiser = Quantiser(classifier, parts["calibration"].rows)
    count = len(quantiser.products)
    ways = {mode.label: quantiser.quantised([mode] * count) for mode in ALONE}
    ways |= chosen_plans(quantiser, parts["selection"])
    exact = classifier.logits(test.rows)
    share = f"{right(exact, test.classes):.1%}"
    weights = sum(each.weights.size for each in quantiser.products)
    rows: list[Sequence[str]] = [("float64", "", f"{8 * classifier.weights:,}", share, "", "", "", "", "")]
    for name, each in ways.items():
        logits, counts = each.logits(test.rows), picture_counts(each, system)
        bits = sum(layer.codes.size * layer.mode.bits for layer in each.layers.values()) / weights
        busy = counts.unit_cycles
        rows.append(
            (
                name, f"{bits:.2f}", f"{each.bytes:,.0f}", f"{right(logits, test.classes):.1%}",
                f"{(logits.argmax(axis=1) == exact.argmax(axis=1)).mean():.1%}", f"{divergence(exact, logits):.4f}",
                f"{counts.cycles:,}", f"{busy['NPE']:,}", f"{busy['vector unit']:,}",
            )
        )  # fmt: skip
        print(" ".join(rows[-1]), flush=True)
    headings = (
        "weights and inputs of products", ">bits/weight", ">bytes", ">right", ">as in float64", ">KL, nats", ">cycles",
        ">NPE, cycles", ">vector unit, cycles",
    )  # fmt: skip
    grouped = sum(each.weights.size for each in classifier.products if not each.plain)
    return {
        "table": markdown_table(headings, rows),
        "operations": str(len(classifier.operations)),
        "products": str(count),
        "weights": f"{weights:,}",
        "grouped": f"{grouped:,}",
        "macs": f"{sum(each.macs for each in classifier.products) / 1e6:.1f}",
        "grouped_macs": f"{sum(each.macs for each in classifier.products if not each.plain) / 1e6:.1f}",
        "float": share,
        "test": str(PARTS["test"]),
    }


def main() -> None:
    """Draw, measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    parts = drawn()
    for name, part in parts.items():
        pictures = part.pictures.astype(np.float32)
        np.savez_compressed(options.out / f"{name}.npz", pictures=pictures, classes=part.classes)
    found = figures(read_classifier(model_path(), (3, HEIGHT, WIDTH)), parts)
    write_text(PAGE, filled(TEMPLATE, found))


if __name__ == "__main__":
    main()
