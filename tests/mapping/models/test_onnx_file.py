"""Files of ONNX: there and back again, forms that other programs write, and bytes that are no graph."""

import struct

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.readers.onnx_file import OnnxGraph, OnnxNode, read_onnx, write_onnx

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5
GRAPH = OnnxGraph(
    nodes=(
        OnnxNode("Gemm", ("x", "w"), ("y",), {"transB": 1, "alpha": 0.5, "mode": "up", "strides": (2, -1)}, "first"),
        OnnxNode("Relu", ("y",), ("z",)),
    ),
    constants={"w": WEIGHTS, "shape": np.array([0, -1], "<i8")},
    inputs={"x": (None, 3)},
    outputs={"z": (None, 2)},
)


def test_a_graph_comes_back(tmp_path):
    found = read_onnx(write_onnx(tmp_path / "g.onnx", GRAPH))
    assert [(each.operator, each.inputs, each.outputs) for each in found.nodes] == [
        ("Gemm", ("x", "w"), ("y",)),
        ("Relu", ("y",), ("z",)),
    ]
    assert found.nodes[0].attributes == GRAPH.nodes[0].attributes
    assert (found.nodes[0].title, found.nodes[1].title) == ("first", "z")
    assert (found.constants["w"] == WEIGHTS).all()
    assert found.constants["shape"].tolist() == [0, -1]
    assert found.inputs == {"x": (None, 3)}
    assert found.outputs == {"z": (None, 2)}


def field(number: int, kind: int, content: bytes) -> bytes:
    return bytes([number << 3 | kind]) + content


def message(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return field(number, 2, bytes([len(content)]) + content)


def tensor(*parts: bytes) -> bytes:
    """Return a model of one tensor "t" of two elements."""
    return message(7, message(5, field(1, 0, b"\x02") + message(8, b"t") + b"".join(parts)))


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        ((field(2, 0, b"\x01"), message(4, struct.pack("<2f", 1.5, -2))), [1.5, -2.0]),  # packed floats
        ((field(2, 0, b"\x01"), field(4, 5, struct.pack("<f", 1.5)), field(4, 5, struct.pack("<f", 3))), [1.5, 3.0]),
        ((field(2, 0, b"\x07"), message(7, b"\x05\x80\x01")), [5, 128]),  # packed integers
        ((field(2, 0, b"\x06"), field(5, 0, b"\x05"), field(5, 0, b"\xff" * 9 + b"\x01")), [5, -1]),
        ((field(2, 0, b"\x0b"), message(10, struct.pack("<2d", 0.25, 8))), [0.25, 8.0]),
        ((field(2, 0, b"\x0a"), message(5, b"\x80\x70\x80\x80\x01")), [0.5, 2.0]),  # bits of FP16
        ((field(2, 0, b"\x0a"), message(9, np.array([0.5, 2], "<f2").tobytes())), [0.5, 2.0]),
    ],
)
def test_tensors_in_all_forms(tmp_path, parts, values):
    (tmp_path / "t.onnx").write_bytes(tensor(*parts))
    assert read_onnx(tmp_path / "t.onnx").constants["t"].tolist() == values


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 graphs"),
        (message(7, b"")[:-1], "it is cut short"),
        (message(7, b"") * 2, "2 graphs"),
        (b"\x3a\x7f", "it is cut short"),
        (b"\x3b", "a field of kind 3"),
        (b"\xff" * 11, "a number of more than 64 bits"),
        (tensor(field(2, 0, b"\x01")), "tensor t has 0 elements for the shape"),
        (tensor(field(2, 0, b"\x10")), "tensor t: type 16 is not allowed"),
        (tensor(field(2, 0, b"\x01"), bytes([14 << 3, 1])), "it lies in another file"),
    ],
)
def test_bytes_that_are_no_graph_are_refused(tmp_path, content, says):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_onnx(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
