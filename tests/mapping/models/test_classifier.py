"""Classifiers from ONNX: the layers compute what the operators say, and what has no layer is refused by name."""

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.readers.onnx_classifier import read_classifier
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
    assert [(each.name, each.rows, each.relu) for each in found.products] == [
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
        ((CONV, OnnxNode("Sin", ("a",), ("b",))), {}, "node b: operator Sin is not allowed: one of Add,"),
        (
            (CONV, OnnxNode("Conv", ("a", "k"), ("b",))),
            {},
            "weights of 2 channels in 1 groups for an input of [4, 3, 4]",
        ),
        ((OnnxNode("Conv", ("x", "k"), ("a",), {"dilations": (2, 1)}, "c"),), {}, "dilations = (2, 1) is not allowed"),
        ((OnnxNode("Conv", ("x", "q"), ("a",), {}, "c"),), {}, "node c: no node before it makes its input q"),
        ((*NODES[:3], OnnxNode("Gemm", ("c", "c"), ("d",), {}, "g")), {}, "weights c must be a constant of the file"),
        ((CONV, OnnxNode("MaxPool", ("a",), ("b",))), {}, "node b: a kernel of () for an input of [4, 3, 4]"),
        ((CONV, OnnxNode("AveragePool", ("a",), ("b",), {"kernel_shape": (4, 4)})), {}, "larger than an input"),
        (
            (CONV, OnnxNode("Transpose", ("a",), ("b",), {"perm": (1, 0, 2, 3)})),
            {},
            "pictures stay the first of 4 axes",
        ),
        ((CONV, OnnxNode("Div", ("vb", "a"), ("b",))), {}, "a quotient with a tensor below is not allowed"),
        ((CONV, OnnxNode("Slice", ("a",), ("b",))), {}, "operator Slice is allowed for constants alone"),
        ((CONV, OnnxNode("Add", ("a", "v"), ("b",))), {}, "a constant of [3, 5] for a tensor of [4, 3, 4]"),
        ((CONV, OnnxNode("Add", ("a", "x"), ("b",))), {}, "tensors of [4, 3, 4] and [2, 6, 7] do not fit"),
        ((CONV, OnnxNode("Reshape", ("a", "shape"), ("b",))), {"shape": np.array([4, 12])}, "pictures stay apart"),
        (
            (*NODES[:3], OnnxNode("Gemm", ("c", "v"), ("d",), {}, "g")),
            {},
            "node g: 3 inputs for a tensor of [48]",
        ),
        (NODES, {"v": NAN}, "node narrow: tensor v[1, 2] = nan is not allowed"),
        (NODES, {"vb": np.zeros(4, np.float32)}, "node narrow: a bias of 4 numbers for 3 outputs"),
        ((OnnxNode("Relu", ("x",), ("g",)),), {}, "there is no product with weights"),
        ((CONV,), {}, "no node makes the result g"),
        ((CONV, OnnxNode("Relu", (), ("g",), {}, "r")), {}, "node r: inputs or attributes do not fit Relu"),
        (
            (OnnxNode("Conv", ("x", "k"), ("g",), {"strides": 2}, "c"),),
            {},
            "node c: inputs or attributes do not fit Conv",
        ),
    ],
)
def test_what_has_no_layer_is_refused_by_name(tmp_path, nodes, changes, says):
    path = written(tmp_path, *nodes, **changes)
    with pytest.raises(ConfigError) as refused:
        read_classifier(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)


def test_a_size_that_the_file_leaves_open_comes_from_the_pictures(tmp_path):
    nodes = (CONV, OnnxNode("GlobalAveragePool", ("a",), ("g",)))
    path = write_onnx(tmp_path / "c.onnx", OnnxGraph(nodes, CONSTANTS, {"x": (None, 2, None, None)}, {"g": (None, 4)}))
    assert read_classifier(path, (2, 6, 7)).shape == (2, 6, 7)
    for picture, says in (
        (None, "input x of shape [?, 2, ?, ?] leaves its size open"),
        ((84,), "leaves its size open"),
        ((3, 6, 7), "pictures of shape [3, 6, 7] are not allowed: [2, ?, ?]"),
    ):
        with pytest.raises(ConfigError) as refused:
            read_classifier(path, picture)
        assert says in str(refused.value)
