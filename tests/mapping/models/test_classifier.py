"""Classifiers from ONNX: the layers compute what the operators say, and what has no layer is refused by name."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import read_classifier
from tilewright.mapping.models.readers.onnx_file import OnnxGraph, OnnxNode, write_onnx

RNG = np.random.default_rng(3)
CONSTANTS = {
    "k": RNG.normal(size=(4, 2, 3, 2)).astype(np.float32),
    "kb": RNG.normal(size=4).astype(np.float32),
    "w": RNG.normal(size=(4 * 3 * 4, 5)).astype(np.float32),
    "v": RNG.normal(size=(3, 5)).astype(np.float32),
    "vb": RNG.normal(size=3).astype(np.float32),
}
CONV = OnnxNode("Conv", ("x", "k", "kb"), ("a",), {"strides": (2, 2), "pads": (1, 0, 1, 1)}, "conv")
NODES = (
    CONV,
    OnnxNode("Relu", ("a",), ("b",)),
    OnnxNode("Flatten", ("b",), ("c",)),
    OnnxNode("Gemm", ("c", "w"), ("d",), {}, "wide"),
    OnnxNode("Relu", ("d",), ("e",)),
    OnnxNode("Gemm", ("e", "v", "vb"), ("f",), {"transB": 1}, "narrow"),
    OnnxNode("Softmax", ("f",), ("g",)),
)
INPUT = (None, 2, 6, 7)


def graph(*nodes: OnnxNode, **changes: np.ndarray) -> OnnxGraph:
    return OnnxGraph(nodes or NODES, CONSTANTS | changes, {"x": INPUT}, {"g": (None, 3)})


def written(tmp_path, *nodes: OnnxNode, **changes: np.ndarray):
    return write_onnx(tmp_path / "c.onnx", graph(*nodes, **changes))


def by_definition(picture: np.ndarray) -> np.ndarray:
    """Return the logits of a picture, loop by loop, in the order of ONNX."""
    padded = np.zeros((2, 8, 8))
    padded[:, 1:7, :7] = picture
    conv = np.zeros((4, 3, 4))
    for channel in range(4):
        for row in range(3):
            for column in range(4):
                window = padded[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 2]
                conv[channel, row, column] = (window * CONSTANTS["k"][channel]).sum() + CONSTANTS["kb"][channel]
    wide = np.maximum(np.maximum(conv, 0).ravel() @ CONSTANTS["w"], 0)
    return CONSTANTS["v"] @ wide + CONSTANTS["vb"]


def test_layers_compute_what_the_operators_say(tmp_path):
    found = read_classifier(written(tmp_path))
    assert [(each.name, each.rows, each.relu) for each in found.layers] == [
        ("conv", 12, True),
        ("wide", 1, True),
        ("narrow", 1, False),
    ]
    assert (found.name, found.inputs, found.weights) == ("c", 84, 4 * 12 + 5 * 48 + 15)
    pictures = RNG.normal(size=(3, *INPUT[1:]))
    logits = found.logits(pictures.reshape(3, -1))
    np.testing.assert_allclose(logits, [by_definition(each) for each in pictures], rtol=1e-9)


NAN = CONSTANTS["v"].copy()
NAN[1, 2] = np.nan


@pytest.mark.parametrize(
    ("nodes", "changes", "says"),
    [
        ((CONV, OnnxNode("MaxPool", ("a",), ("b",))), {}, "operator MaxPool of node b is not allowed: one of Conv,"),
        ((CONV, OnnxNode("Conv", ("a", "k"), ("b",))), {}, "weights of 2 channels for an input of [4, 3, 4]"),
        ((OnnxNode("Conv", ("x", "k"), ("a",), {"group": 2}, "c"),), {}, "node c: group = 2 is not allowed: 1"),
        ((OnnxNode("Conv", ("x", "q"), ("a",), {}, "c"),), {}, "node c: q is no constant of the file"),
        ((OnnxNode("Relu", ("x",), ("a",)),), {}, "a Relu before the first layer is not allowed"),
        ((*NODES[:4], OnnxNode("Relu", ("a",), ("b2",))), {}, "node b2 does not read the result of the node before"),
        (
            (*NODES[:3], OnnxNode("Gemm", ("c", "v"), ("d",), {}, "g")),
            {},
            "node g: 3 inputs for a row of [48] elements",
        ),
        (NODES, {"v": NAN}, "tensor v[1, 2] = nan is not allowed"),
        (NODES, {"vb": np.zeros(4, np.float32)}, "node narrow: a bias of 4 numbers for 3 outputs"),
        ((NODES[2],), {}, "does not read"),
    ],
)
def test_what_has_no_layer_is_refused_by_name(tmp_path, nodes, changes, says):
    path = written(tmp_path, *nodes, **changes)
    with pytest.raises(ConfigError) as refused:
        read_classifier(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
