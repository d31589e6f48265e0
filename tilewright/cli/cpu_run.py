"""The command ``tilewright cpu run``."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_text
from tilewright.cli.list_option import names_option
from tilewright.cli.output import console, csv_option, json_option, make_folder, out_option, print_csv, print_json
from tilewright.cli.set_option import changed_host, set_option
from tilewright.cli.waiting import progress

if TYPE_CHECKING:
    from tilewright.sim.config.host import HostConfig


HIGH_GHZ = 100.0
"""Clock of the fast parts in GHz, if no other clock is given."""


def _gigahertz(_: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...]:
    from pydantic import ValidationError

    from tilewright.base.errors import first_problem
    from tilewright.sim.config.host_clocks import HostClocks

    if text is None:
        return ()
    try:
        values = tuple(dict.fromkeys(float(part) for part in text.split(",")))
        return tuple(HostClocks(core_ghz=value).core_ghz for value in values)
    except ValidationError as error:
        raise ConfigError(f"{option.opts[0]} = {first_problem(error)[1]}") from error
    except ValueError:
        raise ConfigError(f"{option.opts[0]} = '{text}' is not allowed: numbers with commas between them") from None


def _cores() -> tuple[str, ...]:
    from tilewright.sim.config.host import CORES

    return CORES


def _domains() -> tuple[str, ...]:
    from tilewright.sim.config.host_clocks import DOMAINS

    return tuple(DOMAINS)


def _workloads() -> tuple[str, ...]:
    from tilewright.gem5_configs.build import WORKLOADS

    return WORKLOADS


def _sizes() -> tuple[str, ...]:
    from tilewright.gem5_configs.build import SIZES

    return SIZES


def _memories() -> tuple[str, ...]:
    from tilewright.sim.config.host_memory import MEMORIES

    return tuple(MEMORIES)


@click.command(
    name="run", epilog="Example: tilewright cpu run --workload gemv --domains all-cryo,super-core-l1 --ghz 100"
)
@click.option("--host", "hosts", metavar="NAME", help="Preset or TOML file of the host. [default: chosen by --domains]")
@click.option(
    "--cores",
    callback=names_option("core", _cores),
    help="Kinds of core: o3, minor or both, with a comma. [default: the host's]",
)
@click.option(
    "--domains",
    callback=names_option("clock domains", _domains),
    help="Parts that run fast: all-cryo, super-core, super-core-l1 ... [default: the clocks of --host]",
)
@click.option(
    "--ghz", callback=_gigahertz, help=f"Clock in GHz of the fast parts of --domains. [default: {HIGH_GHZ:g}]"
)
@click.option(
    "--memory", callback=names_option("memory", _memories), help="Memories that replace the host's own memory."
)
@click.option(
    "--workload",
    "workloads",
    callback=names_option("workload", _workloads),
    help="Workloads that come with Tilewright.",
)
@click.option(
    "--size",
    "sizes",
    callback=names_option("size", _sizes),
    default="l1",
    show_default=True,
    help="Sizes of the workloads.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 1_000_000),
    help="Number of repetitions of the kernel. [default: the workload's own]",
)
@click.option("--program", type=click.Path(path_type=Path), help="Static RISC-V program of your own to run as well.")
@click.option("--arguments", default="", help="Arguments of --program, separated by spaces.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Number of runs at a time, at most one for each core. [default: all cores]",
)
@set_option("host", "l2.size_kib=1024")
@out_option
@json_option
@csv_option
def command(
    hosts: str | None,
    cores: tuple[str, ...],
    domains: tuple[str, ...],
    ghz: tuple[float, ...],
    memory: tuple[str, ...],
    workloads: tuple[str, ...],
    sizes: tuple[str, ...],
    repeat: int | None,
    program: Path | None,
    arguments: str,
    jobs: int | None,
    changes: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Run every combination of workloads, hosts and cores under gem5, and print its statistics.

    The command needs gem5 >= 24.0 for RISC-V (GEM5 or on PATH) and a RISC-V compiler. Lists are separated by commas.
    A finished run is kept and not made again. With --out, the command writes cpu-run.csv, which
    `tilewright cpu predict --baseline` reads. The exit status is 3 if a run fails.
    """
    from tilewright.base import tools
    from tilewright.base.cache import require_cache
    from tilewright.gem5_configs.program_file import check_program
    from tilewright.gem5_configs.runs import COLUMNS
    from tilewright.gem5_configs.sweep import Run, sweep

    if not workloads and program is None:
        raise ConfigError("nothing to run: give --workload or --program")
    if program is not None:
        check_program(program)
    machines = [
        (name, with_core)
        for name, host in _variants(hosts, domains, ghz, changes)
        for with_memory in _with_memories(host, memory)
        for with_core in _with_cores(with_memory, cores)
    ]
    gem5 = tools.find_gem5()
    require_cache()
    programs = list(_programs(workloads, sizes, repeat))
    if program is not None:
        programs.append((program.stem, program.resolve(), tuple(arguments.split())))
    runs = [
        Run(host=host, domains=name, workload=workload, program=path, arguments=given)
        for workload, path, given in programs
        for name, host in machines
    ]
    if folder:
        make_folder(folder)

    rows: dict[int, dict] = {}
    at_most = len(os.sched_getaffinity(0))
    with progress("running gem5", len(runs)) as tell:
        for done in sweep(runs, gem5, min(jobs or at_most, at_most)):
            rows[done.index] = done.row
            tell(f"{runs[done.index].name}{' (kept)' if done.kept else ''}")
    table = [rows[index] for index in range(len(runs))]
    file = write_text(folder / "cpu-run.csv", _csv(COLUMNS, table)) if folder else None
    if as_json:
        print_json({"gem5": gem5.version, "runs": table})
        return
    if as_csv:
        print_csv(table)
        return
    from tilewright.cli.cpu_tables import print_runs

    print_runs(console(), table)
    if file:
        console().print(f"wrote {file}")


def _variants(
    name: str | None, domains: tuple[str, ...], ghz: tuple[float, ...], changes: tuple[str, ...]
) -> "Iterator[tuple[str, HostConfig]]":
    """Return hosts and what their clocks are called."""
    from tilewright.sim.config.host_clocks import DOMAINS, domain_clocks

    if not domains:
        if ghz:
            raise ConfigError("--ghz is the clock of what --domains makes fast: give that, too")
        host = changed_host(name or "cryogenic", changes)
        yield host.name, host
    for variant in domains:
        host = changed_host(name or ("baseline" if variant == "baseline" else "cryogenic"), changes)
        # Where nothing is fast, one run is all.
        for high in (ghz or (HIGH_GHZ,)) if DOMAINS[variant] else (HIGH_GHZ,):
            yield variant, host.model_copy(update={"clocks": domain_clocks(variant, high)})


def _with_memories(host: "HostConfig", memories: tuple[str, ...]) -> "list[HostConfig]":
    return [host.with_memory(name) for name in memories] or [host]


def _with_cores(host: "HostConfig", cores: tuple[str, ...]) -> "list[HostConfig]":
    return [host.model_copy(update={"core": core}) for core in cores] or [host]


def _programs(
    names: tuple[str, ...], sizes: tuple[str, ...], repeat: int | None
) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """Return the name for the row, the program and the arguments of each workload, built if necessary."""
    from tilewright.base.tools import find_riscv_compiler
    from tilewright.gem5_configs.build import build

    for name in names:
        path = build(name, find_riscv_compiler())
        for size in sizes:
            label = f"{name}-{size}" + (f"-x{repeat}" if repeat else "")
            yield label, path, ("--size", size, *(("--repeat", str(repeat)) if repeat else ()))


def _csv(columns: tuple[str, ...], rows: list[dict]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
