"""The passes of whole layers as cases of the vector unit: each with its operands in the scratchpad."""

from typing import Any

import numpy as np

from tilewright.cocotb_tests.vector.cases import Case, Layout
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.formats import StoredFormat
from tilewright.sim.isa.vector_command import Matrix, PassOptions, Reduce, Storage, VectorCommand
from tilewright.sim.machine.vector.unit import VectorModel, stored
from tilewright.sim.machine.vector.values import PassResult, run_pass


class Recorder:
    """Runs passes on the exact model of the unit, and keeps each as a case; it is the ``vector_unit`` of ``run_steps``.

    Parameters
    ----------
    config : VectorConfig
        With at least two scalars for each row of a pass.
    """

    def __init__(self, config: VectorConfig):
        self.config = config
        self.cases: list[Case] = []
        self.elements = 0

    def __call__(
        self, options: PassOptions, a: np.ndarray, *, lanes: int, output: StoredFormat, **operands: Any
    ) -> PassResult:
        """Return the result of a pass, after checking that the unit's commands compute the same.

        Raises
        ------
        AssertionError
            If it is not.
        """
        config = self.config
        assert lanes == config.lanes
        expected = run_pass(options, a, lanes=lanes, output=output, **operands)
        rows, columns = a.shape
        layout = Layout(config)
        memory = np.zeros(lanes << config.address_bits, np.uint8)

        def placed(values: np.ndarray | None) -> Matrix | None:
            return None if values is None else place(memory, layout, np.broadcast_to(values, (rows, columns)))

        slots: dict[str, Any] = {"add": None, "multiply": None}
        commands = []
        for index, name in enumerate(slots):
            values = operands.get(name)
            if values is not None:
                column = place(memory, layout, values.astype(np.float32)[:, None])
                slots[name] = index * config.scalars // 2
                commands.append(
                    VectorCommand(rows=rows, columns=1, a=column, reduce=Reduce.MAXIMUM, out=slots[name])
                )  # fmt: skip
        d = layout.matrix(rows, columns, Storage.of(output))
        a_place = placed(a)
        assert a_place is not None
        command = VectorCommand(
            rows=rows, columns=columns, a=a_place, b=placed(operands.get("b")), c=placed(operands.get("c")), d=d,
            **slots, **vars(options),
        )  # fmt: skip
        case = Case(f"pass {len(self.cases)}", memory, (*commands, command))
        model = VectorModel(config, memory.copy())
        for each in case.commands:
            model.run(each)
            assert not model.error, f"{case.name}: {each}: {model.error.name}"
        self._compare(case.name, model, command, expected)
        self.cases.append(case)
        self.elements += a.size
        return expected

    def _compare(self, name: str, model: VectorModel, command: VectorCommand, expected: PassResult) -> None:
        rows, columns = expected.codes.shape
        assert command.d is not None
        left = stored(self.config, model.memory, command.d, rows, columns)
        assert (left == expected.codes).all(), f"{name}: {command}"
        for kept, values in ((model.linear, expected.linear), (model.inverse, expected.inverse)):
            if values is not None:
                assert (kept[:rows].view(np.uint32) == values.view(np.uint32)).all(), f"{name}: {command}"


def place(memory: np.ndarray, layout: Layout, values: np.ndarray) -> Matrix:
    """Write a matrix to a free place of the scratchpad, as short as it is without loss."""
    if values.dtype == np.float32:
        codes = np.ascontiguousarray(values).view(np.uint32)
        storage = Storage.FP32 if (codes & 0xFFFF).any() else Storage.BF16
        codes = codes if storage is Storage.FP32 else (codes >> 16).astype(np.uint16)
    else:
        codes = values.astype(np.int8 if values.dtype == np.int8 else np.int32)
        storage = Storage.INT8 if values.dtype == np.int8 else Storage.INT32
    rows, columns = values.shape
    matrix = layout.matrix(rows, columns, storage)
    stored(layout.config, memory, matrix, rows, columns)[:] = codes
    return matrix
