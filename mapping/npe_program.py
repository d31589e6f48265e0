"""A chain of products as jobs of an NPE without an accelerator, laid out in memory: the start that classifies some
pictures."""

from dataclasses import dataclass

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.mapping.models.classifier import Arranged, Product
from tilewright.mapping.precision.npe_classifier import NpeClassifier, NpeLayer
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
    that they are one row of the next product, or as many rows as before.

    Raises
    ------
    ConfigError
        If an operation is no product, the NPE has no such format, or there are more rows than a job has.
    """
    layers = _chain(classifier)
    layout = _Layout(config)
    address = layout.room(len(layers) * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)
    codes = classifier.inputs(pictures)
    a, a_stride = layout.matrix(codes.reshape(-1, codes.shape[-1]), layers[0].mode)
    descriptors: list[Descriptor] = []
    for index, each in enumerate(layers):
        name, own = each.product.name, each.product.rows
        for mode in (each.mode, each.out):
            if mode not in config.modes:
                raise ConfigError(f"{name}: the NPE has no {mode.label}")
        outputs, inputs = each.codes.shape
        rows = len(pictures) * own
        if rows > MAX_DIMENSION:
            raise ConfigError(f"{name}: {rows:,} rows are not allowed: at most {MAX_DIMENSION:,}")
        before = layers[index - 1].product if index else None
        if before and own not in (1, before.rows):
            raise ConfigError(f"{name}: {own} rows of {before.rows} before them are not allowed: as many, or one")
        if before and own == before.rows > 1:
            a_stride = descriptors[-1].c_stride
        b, b_stride = layout.matrix(_as_they_lie(each, before), each.mode)
        row_bytes = -(-outputs * each.out.bits // 8)
        c_stride = -(-row_bytes // config.bus_bytes) * config.bus_bytes
        if own > 1 and c_stride != row_bytes:
            raise ConfigError(f"{name}: {outputs} outputs in {each.out.label} fill no beat of {config.bus_bits} bits")
        c = layout.room(rows * c_stride)
        descriptors.append(
            Descriptor(
                mode=each.mode,
                out_format=each.out,
                activation=Activation.RELU if each.product.relu else Activation.NONE,
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
        a, a_stride = c, own * c_stride
    for index, descriptor in enumerate(descriptors):
        layout.put(address + index * DESCRIPTOR_BYTES, np.frombuffer(descriptor.encode(), np.uint8))
    return NpeProgram(layout.memory(), address, tuple(descriptors))


def _chain(classifier: NpeClassifier) -> list[NpeLayer]:
    """Return the layers of a chain of products."""
    layers: list[NpeLayer] = []
    tensor = classifier.classifier.input
    for each in classifier.classifier.operations:
        plain = (isinstance(each, Product) and each.plain) or (isinstance(each, Arranged) and not each.axes)
        if each.inputs != (tensor,) or not plain:
            raise ConfigError(
                f"{each.name}: is no product of the result before it, which all that an NPE alone runs are"
            )
        if isinstance(each, Product):
            points = each.patches is None or each.patches.points
            if layers and not points:
                raise ConfigError(f"{each.name}: a convolution of {each.patches.kernel} after the first layer overlaps")  # type: ignore[union-attr]
            layers.append(classifier.layers[each.name])
        tensor = each.output
    return layers


def _as_they_lie(layer: NpeLayer, before: Product | None) -> np.ndarray:
    """Return the codes of weights in the order of the results before them: all channels of a position, then the
    next."""
    if before is None or before.patches is None or layer.product.rows > 1:
        return layer.codes
    outputs = len(layer.codes)
    return layer.codes.reshape(outputs, -1, before.rows).transpose(0, 2, 1).reshape(outputs, -1)


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
