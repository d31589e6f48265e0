"""The command ``tilewright program run``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_bytes, write_json, write_text
from tilewright.cli.output import console, json_option, make_folder, out_option, print_json, status
from tilewright.cli.program_options import ProgramInMemory, load_program, program_options

if TYPE_CHECKING:
    from tilewright.sim.machine.accelerator.accelerator import AcceleratorRun


@click.command(name="run", epilog="Example: tilewright program run examples/product.asm --system small --out build/run")
@click.argument("file", type=click.Path(path_type=Path))
@program_options
@out_option
@json_option
@click.pass_context
def run_command(ctx: click.Context, file: Path, folder: Path | None, as_json: bool, **options: Any) -> None:
    """Run a program on the exact model of the accelerator.

    FILE is text for `program assemble`, or the bytes that it writes. The scratchpad holds zeros at the start.
    With --out, the command writes run.json, memory.bin (all of memory after the run) and run.trace.json (a timeline;
    open it in ui.perfetto.dev). The exit status is 1 if the program is stopped by an error.
    """
    from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel, CycleLimitError

    loaded = load_program(file, **options)
    if folder:
        make_folder(folder)
    model = AcceleratorModel(loaded.config, loaded.memory)
    with status(f"running {file} on {loaded.system.name}"):
        try:
            run = model.run(loaded.address, loaded.timing(), timeline=folder is not None, max_cycles=loaded.max_cycles)
        except CycleLimitError as error:
            raise ConfigError(f"--max-cycles = {loaded.max_cycles} is not enough: {error}") from error
    result = _result(loaded, run)
    files = _write(loaded, run, result, folder) if folder else []
    if as_json:
        print_json({**result, "files": [str(each) for each in files]})
    else:
        from tilewright.cli.tables import print_run

        print_run(console(), result)
        for each in files:
            console().print(f"wrote {each}")
    ctx.exit(1 if run.error else 0)


def _result(loaded: ProgramInMemory, run: "AcceleratorRun") -> dict:
    """Return the result of a program, for JSON."""
    return {
        "program": str(loaded.file),
        "system": loaded.system.name,
        "address": loaded.address,
        "commands": loaded.commands,
        "memory_bytes": len(loaded.memory),
        "latency": loaded.latency,
        "bytes_per_cycle": float(loaded.bytes_per_cycle),
        "cycles": run.cycles,
        "seconds": run.cycles / (loaded.system.clock_mhz * 1e6),
        "error": _error(loaded, run) if run.error else None,
        "counters": {register.name: value for register, value in run.counters.items()},
    }


def _error(loaded: ProgramInMemory, run: "AcceleratorRun") -> dict:
    """Return the error that stopped a program, as in registers ERROR and ERROR_INDEX, and in words."""
    from tilewright.sim.isa.assembler import disassemble
    from tilewright.sim.isa.encoding import decode
    from tilewright.sim.isa.errors import AcceleratorError
    from tilewright.sim.isa.tables import docstrings
    from tilewright.sim.isa.vector_command import VectorError

    about = docstrings(AcceleratorError)[run.error.name]
    if run.error is AcceleratorError.VECTOR:
        detail = VectorError(run.detail)
        about = f"{about}: {detail.name}: {docstrings(VectorError)[detail.name]}"
    try:
        command = decode(loaded.config, loaded.encoded(run.index))
        text = " ".join(disassemble(loaded.config, [command]).splitlines()[1].split())
    except ValueError as error:
        text = str(error)
    return {
        "code": int(run.error),
        "name": run.error.name,
        "detail": run.detail,
        "index": run.index,
        "about": about,
        "command": text,
    }


def _write(loaded: ProgramInMemory, run: "AcceleratorRun", result: dict, folder: Path) -> list[Path]:
    from tilewright.sim.trace import Span, perfetto_json

    spans = [
        Span(span.unit.name, f"{span.index} {_mnemonic(loaded, span.index)}", span.begin, span.end)
        for span in sorted(run.spans, key=lambda span: (span.unit, span.begin))
    ]
    title = f"{loaded.file} on {loaded.system.name}"
    return [
        write_json(folder / "run.json", result),
        write_bytes(folder / "memory.bin", loaded.memory.tobytes()),
        write_text(folder / "run.trace.json", perfetto_json(spans, title)),
    ]


def _mnemonic(loaded: ProgramInMemory, index: int) -> str:
    from tilewright.sim.isa.commands import Opcode

    return Opcode(loaded.encoded(index)[0]).name.lower()
