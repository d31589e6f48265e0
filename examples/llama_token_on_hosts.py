r"""One token of Llama-3.2-1B, with softmax, norms and sampling on three hosts: at 4 GHz, at 4 GHz and 77 K, at 100 GHz.

.venv/bin/python examples/llama_token_on_hosts.py

Its runs of gem5 come with Tilewright. These make them again, for --host-runs build/few/cpu-run.csv and
--host-runs build/many/cpu-run.csv:

tilewright cpu run --domains baseline,all-cryo,super-core-l1-l2-l3 \
    --workload triad,softmax,rmsnorm,sampling --size l1,l2 --repeat 4 --out build/few
tilewright cpu run --domains baseline,all-cryo,super-core-l1-l2-l3 \
    --workload triad,softmax,rmsnorm,sampling --size l1,l2 --repeat 12 --out build/many

Without super-core-l1-l2-l3 the host at 100 GHz is predicted from the runs at 4 GHz. The accelerator stands still while
the host works; docs/systems.md tells what is counted.
"""

import argparse
import re
import sys
from pathlib import Path

import tilewright as tw
from tilewright.gem5_configs.runs import REPEATED, read_runs

MODEL, CONTEXT, ON_HOST = "llama-3.2-1b", 1024, ("softmax", "norms")
HOSTS = ("baseline", "cryogenic", "superconducting")
COMMANDS = [
    " ".join(command.replace("\\", " ").split())
    for command in re.findall(r"^tilewright cpu run .*\\\n.*$", __doc__, re.MULTILINE)
]
"""Those above, a line each."""


def main(files: list[Path]) -> None:
    """Print what the token takes with each host."""
    runs = [run for file in files or [REPEATED] for run in read_runs(file)]
    alone, left = (
        tw.map(MODEL, "edge-int4", context=CONTEXT, on_host=kinds, host=HOSTS[0], host_runs=files)
        for kinds in ((), ON_HOST)
    )
    columns = [_column(name, tw.with_host(alone, name, runs), tw.with_host(left, name, runs)) for name in HOSTS]
    print(f"{MODEL} on {alone.system.name}, one token at context {CONTEXT}")
    print(f"accelerator: {alone.seconds * 1e3:.3f} ms, without {' and '.join(ON_HOST)} {left.seconds * 1e3:.3f} ms")
    for label in columns[0]:
        print(f"{label:43}", *(f"{column[label]:>16}" for column in columns))


def _column(name: str, without: tw.MapResult, with_them: tw.MapResult) -> dict[str, str]:
    """Return what the table says of a host that samples only, and that has the operators of ``ON_HOST``, too."""
    assert with_them.host is not None
    costs = with_them.host.costs
    return {
        "host": name,
        "clock of the core, GHz": f"{with_them.host.host.clocks.core_ghz:g}",
        "costs are": "predicted" if any(cost.predicted for cost in costs) else "measured",
        **{f"{cost.step.name}, us": f"{cost.seconds * 1e6:.1f}" for cost in costs},
        "transfers, us": f"{sum(cost.transfer_seconds for cost in costs) * 1e6:.1f}",
        "token, ms": f"{with_them.seconds_with_host * 1e3:.3f}",
        "tokens/s": f"{with_them.tokens_per_s_with_host:.1f}",
        f"tokens/s, {' and '.join(ON_HOST)} not on the host": f"{without.tokens_per_s_with_host:.1f}",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host-runs", type=Path, action="append", default=[], metavar="FILE",
                        help="CSV of `tilewright cpu run`, any number. Default: those that come with it")  # fmt: skip
    try:
        main(parser.parse_args().host_runs)
    except tw.ConfigError as error:
        print(f"{error}; runs are made by: {' && '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(2)
