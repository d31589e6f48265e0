"""Runs commands in processes forked from one that has imported everything, so that hundreds of cases take seconds.

Each line of standard input is a request in JSON, each line of standard output the answer to it. The command runs as
``tilewright`` would: it reads its arguments and ends by ``sys.exit``. If its request says ``limited``, it may take so much
memory more than the imports, and so much time; when it takes more, the kernel ends it.
"""

import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import traceback
from pathlib import Path

MEMORY_BYTES = 1 << 30
"""Memory that a command may take in addition to what the imports take."""
CPU_SECONDS, SECONDS = 20, 180
"""Time that a command may take: computing, and by the clock on a machine that is busy with other things."""


def main() -> None:
    """Answer requests until standard input ends."""
    _import_everything()
    gc.freeze()
    base = int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    while line := sys.stdin.readline():
        request = json.loads(line)
        process = os.fork()
        if not process:
            _become(request, base)
            os._exit(_run(request["arguments"]))
        _, status, usage = os.wait4(process, 0)
        ended = os.waitstatus_to_exitcode(status)
        answer = {"status": ended, "cpu_seconds": usage.ru_utime + usage.ru_stime, "bytes": usage.ru_maxrss << 10}
        print(json.dumps(answer), flush=True)


def _run(arguments: list[str]) -> int:
    """Run the command; return its exit status. The end of Python is left out: it takes longer than most commands."""
    from tilewright.cli import main as tilewright

    status: object = 1
    try:
        tilewright(arguments)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else 1


def _become(request: dict, base: int) -> None:
    """Turn this process into the one of a request."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name, flags in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        descriptor = os.open(request[name], flags, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not request["limited"]:
        return
    resource.setrlimit(resource.RLIMIT_DATA, (base + MEMORY_BYTES, base + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    signal.alarm(SECONDS)


def _import_everything() -> None:
    import tilewright.cli

    for module in pkgutil.iter_modules(tilewright.cli.__path__):
        importlib.import_module(f"tilewright.cli.{module.name}")
    for name in (
        "amaranth.back.rtlil",
        "matplotlib.figure",
        "rich.progress",
        "rich.table",
        "tilewright.cli.results",
        "tilewright.gem5_configs.sweep",
        "tilewright.hw.accelerator.design",
        "tilewright.hw.generate",
        "tilewright.hw.npe.design",
        "tilewright.hw.synth.flow",
        "tilewright.mapping.map",
        "tilewright.sim.machine.accelerator.accelerator",
        "tilewright.sim.plots",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
