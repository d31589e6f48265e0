"""A classifier as jobs of the NPE, laid out in memory: the start that classifies some pictures."""

from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.precision.npe_classifier import NpeClassifier
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.descriptor import Activation, Along, Descriptor
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES, MAX_DIMENSION
from tilewright.sim.machine.npe.values import pack_rows, unpack_rows

FIRST = 4096
"""First address that is used."""


@dataclass(frozen=True)
class NpeProgram:
    """Memory with the jobs of a classifier for some pictures."""

    memory: np.ndarray
    address: int
    descriptors: tuple[Descriptor, ...]

    def logits(self, memory: np.ndarray) -> np.ndarray:
        """Return the logits that the jobs have left in memory, (pictures, classes)."""
        last = self.descriptors[-1]
        lines = memory[last.c : last.c + last.m * last.c_stride].reshape(last.m, last.c_stride)
        form = Mode(last.out_format)
        return form.format.decode(unpack_rows(lines[:, : -(-last.n * form.bits // 8)], form, last.n))


def npe_program(config: NpeConfig, classifier: NpeClassifier, pictures: np.ndarray) -> NpeProgram:
    """Return the jobs of a classifier for some pictures, a job for each layer.

    The host gathers the patches of a first convolution. All rows of a picture's results lie one after the other, so
    that they are one row of the next product.

    Raises
    ------
    ConfigError
        If the NPE has no such format, or there are more rows than a job has.
    """
    layout = _Layout(config)
    address = layout.room(len(classifier.layers) * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)
    codes = classifier.inputs(pictures)
    first = classifier.layers[0]
    a, a_stride = layout.matrix(codes.reshape(-1, codes.shape[-1]), first.mode)
    descriptors = []
    for each in classifier.layers:
        for mode in (each.mode, each.out):
            if mode not in config.modes:
                raise ConfigError(f"{each.layer.name}: the NPE has no {mode.label}")
        outputs, inputs = each.codes.shape
        rows = len(pictures) * each.layer.rows
        if rows > MAX_DIMENSION:
            raise ConfigError(f"{each.layer.name}: {rows:,} rows are not allowed: at most {MAX_DIMENSION:,}")
        b, b_stride = layout.matrix(each.codes, each.mode)
        row_bytes = -(-outputs * each.out.bits // 8)
        c_stride = -(-row_bytes // config.bus_bytes) * config.bus_bytes
        if each.layer.rows > 1 and c_stride != row_bytes:
            raise ConfigError(
                f"{each.layer.name}: {outputs} outputs in {each.out.label} fill no beat of {config.bus_bits} bits"
            )
        c = layout.room(rows * c_stride)
        descriptors.append(
            Descriptor(
                mode=each.mode,
                out_format=each.out,
                activation=Activation.RELU if each.layer.relu else Activation.NONE,
                scale=Along.COLUMN,
                bias=Along.COLUMN,
                m=rows,
                n=outputs,
                k=inputs,
                a=a,
                b=b,
                c=c,
                scale_address=layout.floats(each.scale),
                bias_address=layout.floats(each.bias),
                a_stride=a_stride,
                b_stride=b_stride,
                c_stride=c_stride,
            )
        )
        a, a_stride = c, each.layer.rows * c_stride
    for index, descriptor in enumerate(descriptors):
        layout.put(address + index * DESCRIPTOR_BYTES, np.frombuffer(descriptor.encode(), np.uint8))
    return NpeProgram(layout.memory(), address, tuple(descriptors))


class _Layout:
    """Places of data in memory, one after the other."""

    def __init__(self, config: NpeConfig):
        self.config, self.end = config, FIRST
        self.content: list[tuple[int, np.ndarray]] = []

    def room(self, size: int, alignment: int | None = None) -> int:
        """Return the address of new room."""
        unit = alignment or self.config.bus_bytes
        start = -(-self.end // unit) * unit
        self.end = start + size
        return start

    def put(self, address: int, data: np.ndarray) -> None:
        """Write bytes from an address on."""
        self.content.append((address, data))

    def matrix(self, codes: np.ndarray, mode: Mode) -> tuple[int, int]:
        """Write rows of codes, each from a beat on; return address and stride."""
        lines = pack_rows(codes, mode)
        stride = -(-lines.shape[1] // self.config.bus_bytes) * self.config.bus_bytes
        address = self.room(len(lines) * stride)
        self.put(address, np.pad(lines, ((0, 0), (0, stride - lines.shape[1]))).ravel())
        return address, stride

    def floats(self, values: np.ndarray) -> int:
        """Write FP32 numbers; return their address."""
        data = values.astype("<f4").view(np.uint8)
        address = self.room(-(-len(data) // self.config.bus_bytes) * self.config.bus_bytes)
        self.put(address, data)
        return address

    def memory(self) -> np.ndarray:
        """Return all of memory."""
        memory = np.zeros(-(-(self.end + self.config.bus_bytes) // FIRST) * FIRST, np.uint8)
        for address, data in self.content:
            memory[address : address + len(data)] = data
        return memory
