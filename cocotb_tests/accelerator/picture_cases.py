"""Classifiers of pictures as cases of the accelerator: products on the NPE, all other operations on the vector unit."""

from collections.abc import Sequence

import numpy as np

from tilewright.bench.program_cases import Case
from tilewright.bench.timing import NEAR, Timing
from tilewright.cocotb_tests.accelerator.layer_cases import run_of_steps
from tilewright.mapping.compile.compiler import compile_program
from tilewright.mapping.lower.pictures import lower_classifier
from tilewright.mapping.models.classifier import Classifier
from tilewright.mapping.models.readers.onnx_classifier import classifier_of
from tilewright.mapping.models.readers.onnx_file import OnnxGraph, OnnxNode
from tilewright.mapping.precision.npe_classifier import NpeClassifier
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.machine.steps import empty_memory, store

SHAPE = (3, 12, 16)
"""Shape of a picture of the small network."""
CLASSES = 5
SEED = 7


def small_network() -> Classifier:
    """Return a network with seeded weights that has each kind of operation: the first convolution, depth-wise ones
    and ones over all channels, gates in one node and in parts, squeeze and excite, a residual, tensors side by side, a
    pool with pads and a mean."""
    rng = np.random.default_rng(SEED)
    constants: dict[str, np.ndarray] = {
        name: np.array(value, np.float32) for name, value in (("three", 3), ("zero", 0), ("six", 6))
    }
    nodes: list[OnnxNode] = []

    def node(operator: str, *names: str, **attributes: int | float | tuple[int, ...]) -> str:
        nodes.append(OnnxNode(operator, names, (f"t{len(nodes)}",), attributes))
        return f"t{len(nodes) - 1}"

    def conv(
        x: str, outputs: int, inputs: int, *, side: int = 1, stride: tuple[int, int] = (1, 1), groups: int = 1
    ) -> str:
        name, pad = f"conv{len(nodes)}", side // 2
        constants[f"{name}.weight"] = rng.normal(
            0, (1.5 / (inputs // groups * side * side)) ** 0.5, (outputs, inputs // groups, side, side)
        ).astype(np.float32)
        constants[f"{name}.bias"] = rng.normal(0, 0.3, outputs).astype(np.float32)
        return node("Conv", x, f"{name}.weight", f"{name}.bias", strides=stride, pads=(pad,) * 4, group=groups)

    def in_parts(x: str) -> str:
        return node("Div", node("Mul", x, node("Clip", node("Add", x, "three"), "zero", "six")), "six")

    x = in_parts(conv("x", 8, 3, side=3, stride=(2, 2)))
    x = node("Relu", conv(x, 16, 8))
    x = node("Relu", conv(x, 16, 16, side=3, stride=(2, 1), groups=16))
    gate = node("Relu", conv(node("GlobalAveragePool", x), 4, 16))
    x = node("Mul", x, node("HardSigmoid", conv(gate, 16, 4), alpha=0.2, beta=0.5))
    before = conv(x, 8, 16)
    x = in_parts(conv(before, 24, 8))
    x = in_parts(conv(x, 24, 24, side=5, groups=24))
    x = node("Add", before, conv(x, 8, 24))
    x = node("Concat", x, conv(conv(x, 12, 8), 8, 12, side=3), axis=1)
    x = node("Clip", conv(x, 24, 16, side=3, stride=(2, 1)), "zero", "six")
    x = node("MaxPool", x, kernel_shape=(3, 3), strides=(1, 2), pads=(1, 1, 1, 1))
    x = node("Flatten", node("GlobalAveragePool", x))
    constants["classes.weight"] = rng.normal(0, 0.3, (CLASSES, 24)).astype(np.float32)
    x = node("Gemm", x, "classes.weight", transB=1)
    return classifier_of(OnnxGraph(tuple(nodes), constants, {"x": (None, *SHAPE)}, {x: (None, CLASSES)}), "small")


def picture_cases(
    config: AcceleratorConfig, name: str, quantised: NpeClassifier, pictures: np.ndarray, timing: Timing = NEAR
) -> tuple[Case, ...]:
    """Return the program of a classifier on each of some pictures, (pictures, elements)."""
    found = lower_classifier(quantised, config.vector.lanes)
    compiled = compile_program(config, found.lowered)
    cases: list[Case] = []
    for number, picture in enumerate(pictures):
        image, rows = compiled.memory_image(found.contents), found.input(picture)
        compiled.write_input(image, rows)
        steps = empty_memory(found.lowered.buffers.values(), found.contents)
        store(steps, found.lowered.input, rows)
        run = run_of_steps(f"picture {number}", config, compiled, found.lowered, steps)
        cases.append(Case(name=f"{name}, picture {number}", memory=image, runs=(run,), timing=timing))
    return tuple(cases)


def seeded_pictures(count: int, shape: Sequence[int] = SHAPE) -> np.ndarray:
    """Return random pictures, (pictures, elements)."""
    return np.random.default_rng(SEED).uniform(-1, 1, (count, int(np.prod(shape))))
