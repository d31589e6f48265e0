"""Reads and writes the graph of an ONNX file: nodes and constants, in the wire format of protocol buffers.

Field numbers are those of onnx.proto3 of ONNX 1.17 (https://github.com/onnx/onnx, Apache-2.0).
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_bytes
from tilewright.base.reading import read_bytes

MAX_BYTES = 1 << 31
TYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
"""Types of tensors by their numbers."""
Attribute = float | int | str | np.ndarray | tuple[float, ...] | tuple[int, ...]
OPSET, IR_VERSION = 13, 8
"""Version of the operators, and of the format, of files that are written."""


@dataclass(frozen=True)
class OnnxNode:
    """An operator of a graph."""

    operator: str
    """Name of the operator, such as Conv."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    name: str = ""

    @property
    def title(self) -> str:
        """Name of the node, or of its first result if it has none."""
        return self.name or next(iter(self.outputs), "?")


@dataclass(frozen=True)
class OnnxGraph:
    """Nodes in an order in which each follows its inputs, and constants by name."""

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, np.ndarray]
    inputs: Mapping[str, tuple[int | None, ...]]
    """Shape of each input that is no constant; None stands for a size that the file leaves open."""
    outputs: Mapping[str, tuple[int | None, ...]]
    """Shape of each result."""


class _MalformedError(ValueError):
    """Bytes that are no message."""


def read_onnx(path: Path) -> OnnxGraph:
    """Return the graph of an ONNX file.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not ONNX, or keeps tensors elsewhere or in a type that is not known; names it.
    """
    data = memoryview(read_bytes(path, MAX_BYTES))
    try:
        graphs = [each for number, each in _fields(data) if number == 7 and isinstance(each, memoryview)]
        if len(graphs) != 1:
            raise _MalformedError(f"{len(graphs)} graphs")
        return _graph(graphs[0])
    except (_MalformedError, struct.error, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not an ONNX file: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field of a message: an integer, or bytes of a number or a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise _MalformedError(f"a field of kind {kind}")
        if at + size > len(data):
            raise _MalformedError("it is cut short")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _MalformedError("it is cut short" if at >= len(data) else "a number of more than 64 bits")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise _MalformedError("a number in place of a message")
    return value


def _text(value: int | memoryview) -> str:
    return str(_bytes(value), "utf-8")


def _integers(values: list[int | memoryview]) -> list[int]:
    """Return the integers of a repeated field, packed or not."""
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(_signed(value))
            continue
        at = 0
        while at < len(value):
            one, at = _varint(value, at)
            found.append(_signed(one))
    return found


def _floats(values: list[int | memoryview]) -> list[float]:
    joined = b"".join(bytes(_bytes(value)) for value in values)
    return list(struct.unpack(f"<{len(joined) // 4}f", joined))


def _grouped(data: memoryview) -> dict[int, list[int | memoryview]]:
    found: dict[int, list[int | memoryview]] = {}
    for number, value in _fields(data):
        found.setdefault(number, []).append(value)
    return found


def _graph(data: memoryview) -> OnnxGraph:
    parts = _grouped(data)
    constants = dict(_tensor(_bytes(each)) for each in parts.get(5, []))
    nodes = []
    for each in parts.get(1, []):
        node = _node(_bytes(each))
        if node.operator == "Constant" and isinstance(node.attributes.get("value"), np.ndarray):
            constants[node.outputs[0]] = node.attributes["value"]  # type: ignore[assignment]
        else:
            nodes.append(node)
    inputs = dict(_value(_bytes(each)) for each in parts.get(11, []))
    outputs = dict(_value(_bytes(each)) for each in parts.get(12, []))
    return OnnxGraph(
        tuple(nodes), constants, {name: shape for name, shape in inputs.items() if name not in constants}, outputs
    )


def _value(data: memoryview) -> tuple[str, tuple[int | None, ...]]:
    """Return name and shape of an input or output."""
    parts = _grouped(data)
    name = _text(parts[1][0]) if 1 in parts else ""
    sizes: list[int | None] = []
    for kind in parts.get(2, []):
        for tensor in _grouped(_bytes(kind)).get(1, []):
            for shape in _grouped(_bytes(tensor)).get(2, []):
                for size in _grouped(_bytes(shape)).get(1, []):
                    value = _grouped(_bytes(size)).get(1, [None])[0]
                    sizes.append(value if isinstance(value, int) and _signed(value) > 0 else None)
    return name, tuple(sizes)


def _node(data: memoryview) -> OnnxNode:
    parts = _grouped(data)
    return OnnxNode(
        operator=_text(parts[4][0]) if 4 in parts else "",
        inputs=tuple(map(_text, parts.get(1, []))),
        outputs=tuple(map(_text, parts.get(2, []))),
        attributes=dict(found for each in parts.get(5, []) if (found := _attribute(_bytes(each)))),
        name=_text(parts[3][0]) if 3 in parts else "",
    )


def _attribute(data: memoryview) -> tuple[str, Attribute] | None:
    """Return name and value of an attribute; None if it is of a kind that no operator of ours has, such as a graph."""
    parts = _grouped(data)
    name = _text(parts[1][0]) if 1 in parts else ""
    if 5 in parts:
        return name, _tensor(_bytes(parts[5][0]))[1]
    if 4 in parts:
        return name, _text(parts[4][0])
    if 7 in parts:
        return name, tuple(_floats(parts[7]))
    if 8 in parts:
        return name, tuple(_integers(parts[8]))
    if 2 in parts:
        return name, _floats(parts[2])[0]
    if 3 in parts:
        return name, _integers(parts[3])[0]
    return None


def _tensor(data: memoryview) -> tuple[str, np.ndarray]:
    parts = _grouped(data)
    name = _text(parts[8][0]) if 8 in parts else ""
    [kind] = _integers(parts.get(2, [0])[:1])
    if kind not in TYPES:
        raise ConfigError(f"tensor {name}: type {kind} is not allowed: one of {', '.join(map(str, TYPES))}")
    if 1 in _integers(parts.get(14, [])):
        raise ConfigError(f"tensor {name}: it lies in another file, which is not read")
    dtype, shape = np.dtype(TYPES[kind]), _integers(parts.get(1, []))
    if 9 in parts:
        values = np.frombuffer(bytes(_bytes(parts[9][0])), dtype)
    elif dtype.str == "<f4":
        values = np.array(_floats(parts.get(4, [])), dtype)
    elif dtype.str == "<f8":
        joined = b"".join(bytes(_bytes(each)) for each in parts.get(10, []))
        values = np.frombuffer(joined, dtype)
    elif dtype.str == "<i8":
        values = np.array(_integers(parts.get(7, [])), dtype)
    else:
        integers = np.array(_integers(parts.get(5, [])))
        # Of FP16 numbers, ``int32_data`` has the bits.
        values = integers.astype("<u2").view(dtype) if dtype.str == "<f2" else integers.astype(dtype)
    if values.size != int(np.prod(shape, dtype=np.int64)):
        raise _MalformedError(f"tensor {name} has {values.size} elements for the shape {shape}")
    return name, values.reshape(shape)


def write_onnx(path: Path, graph: OnnxGraph) -> Path:
    """Write a graph of FP32 tensors as an ONNX file; return its path."""
    body = b"".join(
        (
            *(_message(1, _written_node(each)) for each in graph.nodes),
            _message(2, b"graph"),
            *(_message(5, _written_tensor(name, each)) for name, each in graph.constants.items()),
            *(_message(11, _written_value(name, shape)) for name, shape in graph.inputs.items()),
            *(_message(12, _written_value(name, shape)) for name, shape in graph.outputs.items()),
        )
    )
    opset = _message(8, _number(2, OPSET))
    return write_bytes(path, _number(1, IR_VERSION) + _message(2, b"tilewright") + _message(7, body) + opset)


def _key(number: int, kind: int) -> bytes:
    return _written_varint(number << 3 | kind)


def _written_varint(value: int) -> bytes:
    value %= 1 << 64
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _written_varint(value)


def _message(number: int, content: bytes) -> bytes:
    return _key(number, 2) + _written_varint(len(content)) + content


def _texts(number: int, values: Iterable[str]) -> bytes:
    return b"".join(_message(number, each.encode()) for each in values)


def _written_node(node: OnnxNode) -> bytes:
    attributes = b"".join(_message(5, _written_attribute(*each)) for each in node.attributes.items())
    head = _texts(1, node.inputs) + _texts(2, node.outputs) + _texts(3, [node.title])
    return head + _texts(4, [node.operator]) + attributes


def _written_attribute(name: str, value: Any) -> bytes:
    head = _message(1, name.encode())
    if isinstance(value, float):
        return head + _key(2, 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, 2)
    if isinstance(value, str):
        return head + _message(4, value.encode()) + _number(20, 3)
    assert all(isinstance(each, int) for each in value), name
    return head + b"".join(_number(8, each) for each in value) + _number(20, 7)


def _written_tensor(name: str, values: np.ndarray) -> bytes:
    kind = next(number for number, each in TYPES.items() if np.dtype(each) == values.dtype)
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, kind) + _message(8, name.encode()) + _message(9, values.tobytes())


def _written_value(name: str, shape: tuple[int | None, ...]) -> bytes:
    dims = b"".join(_message(1, _message(2, b"N") if size is None else _number(1, size)) for size in shape)
    return _message(1, name.encode()) + _message(2, _message(1, _number(1, 1) + _message(2, dims)))
