"""Turns the array's sums into codes: read-out, parameters, epilogue."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.mac.core import sum_layout
from tilewright.hw.npe.descriptor import DESCRIPTOR_LAYOUT
from tilewright.hw.npe.drain import element_layout
from tilewright.hw.npe.epilogue import RESULT_BITS, Epilogue
from tilewright.hw.npe.panels import Parameters
from tilewright.hw.npe.sum_to_float import SumToFloat
from tilewright.hw.pipeline import delay
from tilewright.sim.config.npe import NpeConfig


class Results(wiring.Component):
    """Turns sums into codes: read-out, then the epilogue with the element's parameters.

    The NPE has one for each of the rows whose sums leave the array in the same cycle: its elements are in every
    ``results_per_cycle``-th row.

    Throughput: one element a cycle. Latency: ``LATENCY`` cycles from an element to its code.

    Members
    -------
    valid, element, sum : In
        An element and its raw sum.
    descriptor : In
        The job.
    wanted : Out
        The element whose parameters are needed ``Parameters.LATENCY`` cycles later.
    scale, bias, residual : In
        These parameters.
    parameters_released : Out(1)
        The parameters of a tile are not needed any more.
    code_valid, code_element, code : Out
    read_panel, read_row : In
        Row whose reductions are read.
    row_sum, row_squares, row_maximum : Out(32)
        The reductions of this row.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        self._element = element_layout(config)
        self._floats = SumToFloat(config)
        # Rows of all panels of a group are reduced side by side.
        self._rows = config.rows // config.results_per_cycle
        self._epilogue = Epilogue(config.modes, rows=self._rows * (config.panels - 1), tag_bits=self._element.size)
        self.INTERVAL = self._epilogue.INTERVAL
        self.REDUCTIONS_LAG = self._epilogue.REDUCTIONS_LAG
        self.PARAMETER_LATENCY = self._floats.LATENCY
        self.LATENCY = self._floats.LATENCY + Parameters.LATENCY + self._epilogue.LATENCY
        super().__init__(
            {
                "valid": In(1),
                "element": In(self._element),
                "sum": In(sum_layout(config.modes)),
                "descriptor": In(DESCRIPTOR_LAYOUT),
                "wanted": Out(self._element),
                "scale": In(32),
                "bias": In(32),
                "residual": In(16),
                "parameters_released": Out(1),
                "code_valid": Out(1),
                "code_element": Out(self._element),
                "code": Out(RESULT_BITS),
                "read_panel": In(range(config.panels)),
                "read_row": In(range(config.rows)),
                "row_sum": Out(32),
                "row_squares": Out(32),
                "row_maximum": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.floats = floats = self._floats
        m.submodules.epilogue = epilogue = self._epilogue
        rows, d = self._rows, self.descriptor
        shift = (self.config.results_per_cycle - 1).bit_length()
        m.d.comb += [
            floats.i.valid.eq(self.valid),
            floats.i.p.sum.eq(self.sum),
            floats.i.p.tag.eq(self.element),
            floats.i.p.out_format.eq(d.out_format),
            self.wanted.eq(floats.o.p.tag),
            self.parameters_released.eq(floats.o.valid & floats.o.p.tag.last),
        ]
        cycles = Parameters.LATENCY
        element = data.View(self._element, delay(m, floats.o.p.tag.as_value(), "element", cycles=cycles))
        # While parameters are read, there is time to round up.
        rounded = Signal(32, reset_less=True)
        m.d.sync += rounded.eq(floats.o.p.value + floats.o.p.up)
        m.d.comb += [
            epilogue.control.scale.eq(d.scale.any()),
            epilogue.control.bias.eq(d.bias.any()),
            epilogue.control.residual.eq(d.residual),
            epilogue.control.residual_format.eq(d.residual_format),
            epilogue.control.activation.eq(d.activation),
            epilogue.control.out_format.eq(d.out_format),
            epilogue.valid.eq(delay(m, floats.o.valid, "valid", cycles=cycles)),
            epilogue.value.eq(delay(m, rounded, "value", cycles=cycles - 1, reset_less=True)),
            epilogue.scale.eq(self.scale),
            epilogue.bias.eq(self.bias),
            epilogue.residual.eq(self.residual),
            epilogue.row.eq(element.panel * rows + (element.row >> shift)),
            epilogue.first.eq(element.first),
            epilogue.tag.eq(element.as_value()),
            self.code_valid.eq(epilogue.code_valid),
            self.code_element.eq(epilogue.code_tag),
            self.code.eq(epilogue.code),
            epilogue.read_row.eq(self.read_panel * rows + (self.read_row >> shift)),
            self.row_sum.eq(epilogue.sum),
            self.row_squares.eq(epilogue.squares),
            self.row_maximum.eq(epilogue.maximum),
        ]
        return m
