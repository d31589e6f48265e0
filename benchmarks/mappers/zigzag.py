"""Runs in ZigZag's environment: the cycles of one product on its example of digital computing in memory."""

import json
import logging
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import zigzag
from zigzag.api import get_hardware_performance_zigzag

work = json.loads(sys.argv[1])
logging.disable()
INPUTS = Path(zigzag.__file__).parent / "inputs"
LAYER = {
    "id": 0, "name": "product", "operator_type": "Gemm", "equation": "O[b][k]+=W[k][c]*I[b][c]",
    "dimension_relations": [], "loop_dims": ["K", "C", "B"], "loop_sizes": [work["n"], work["k"], work["m"]],
    "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8}, "operand_source": {"W": 0},
}  # fmt: skip
with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
    energy, cycles, *_ = get_hardware_performance_zigzag(
        [LAYER], str(INPUTS / "hardware" / "dimc.yaml"), str(INPUTS / "mapping" / "default_imc.yaml"),
        opt="latency", dump_folder=folder, pickle_filename=f"{folder}/result.pickle",
    )  # fmt: skip
print(json.dumps({"cycles": cycles, "millijoules": energy / 1e9}))
