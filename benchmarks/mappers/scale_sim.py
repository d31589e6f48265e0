"""Runs in SCALE-Sim's environment: the cycles of one product on a weight-stationary array of 128 x 128."""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from scalesim.scale_sim import scalesim

CONFIG = """[general]
run_name = product

[architecture_presets]
ArrayHeight: 128
ArrayWidth: 128
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 64
Dataflow: ws
MemoryBanks: 1
ReadRequestBuffer: 32
WriteRequestBuffer: 32

[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2

[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""

work = json.loads(sys.argv[1])
with TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "scale.cfg").write_text(CONFIG)
    (folder / "product.csv").write_text(f"Layer, M, N, K,\nproduct, {work['m']}, {work['n']}, {work['k']},\n")
    # Without a layout of its own, it reads the first line of this file.
    (folder / "layout.csv").write_text("Layer,\n")
    with redirect_stdout(StringIO()):
        simulator = scalesim(
            save_disk_space=True, verbose=False, config=str(folder / "scale.cfg"),
            topology=str(folder / "product.csv"), layout=str(folder / "layout.csv"), input_type_gemm=True,
        )  # fmt: skip
        simulator.run_scale(top_path=name)
    print(json.dumps({"cycles": int(simulator.runner.single_layer_sim_object_list[0].get_compute_report_items()[0])}))
