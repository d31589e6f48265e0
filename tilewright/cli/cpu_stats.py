"""The command ``tilewright cpu stats``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.errors import ConfigError
from tilewright.base.files import write_text
from tilewright.base.reading import is_folder
from tilewright.cli.output import console, csv_option, json_option, make_folder, out_option, print_csv, print_json

if TYPE_CHECKING:
    from tilewright.gem5_configs.runs import MeasuredRun
    from tilewright.gem5_configs.statistics import CountedRun


@click.command(
    name="stats", epilog="Example: tilewright cpu stats m5out --dump 2 --host cryogenic --workload mine --out build"
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--core", type=click.Choice(["o3", "minor"]), help="Kind of core that the runs must have.")
@click.option("--cpu", help="Name of the core in gem5, such as system.cpu1. [default: the first one that worked]")
@click.option(
    "--dump",
    type=click.IntRange(1),
    help="Number of the dump, from 1 on. [default: the only dump of the file]",
)
@click.option("--host", "host_name", help="Preset or TOML file of the host of the runs; --out needs it.")
@click.option("--workload", help="Name of the workload, for --out. [default: the name of the folder of each file]")
@out_option
@json_option
@csv_option
def command(
    files: tuple[Path, ...],
    core: str | None,
    cpu: str | None,
    dump: int | None,
    host_name: str | None,
    workload: str | None,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Read gem5's statistics of runs made elsewhere: one row of one core for each stats.txt, or folder with one.

    The figures are those of the chosen core and of the caches that serve it. With --out, which needs --host, the
    command writes cpu-stats.csv, which `tilewright cpu predict --baseline` reads.
    """
    from tilewright.gem5_configs.statistics import read_dump

    if folder and host_name is None:
        raise ConfigError("--out needs --host: the file says on which host, and at which clocks, the runs were made")
    paths = [file / "stats.txt" if is_folder(file) else file for file in files]
    runs = [read_dump(path, core, cpu=cpu, dump=dump) for path in paths]  # type: ignore[arg-type]
    written = _write(folder, host_name, paths, runs, workload) if folder and host_name is not None else None
    rows = [
        {"file": str(path), "cpu": run.cpu, "core": run.core, "dump": run.dump, **run.counts}
        for path, run in zip(paths, runs, strict=True)
    ]
    if as_json:
        print_json({"runs": rows})
        return
    if as_csv:
        print_csv(rows)
        return
    from tilewright.cli.cpu_tables import print_counts

    print_counts(console(), rows)
    if written:
        console().print(f"wrote {written}")


def _write(folder: Path, host_name: str, paths: list[Path], runs: "list[CountedRun]", workload: str | None) -> Path:
    """Write the runs as a CSV file; return its path."""
    from tilewright.gem5_configs.runs import format_runs
    from tilewright.sim.config.host import load_host

    host = load_host(host_name)
    measured = []
    for path, run in zip(paths, runs, strict=True):
        name = workload or path.absolute().parent.name
        measured.append(_measured(path, run, host.name, name, **dict(host.clocks)))
    make_folder(folder)
    return write_text(folder / "cpu-stats.csv", format_runs(measured))


def _measured(path: Path, run: "CountedRun", host: str, workload: str, **clocks: float) -> "MeasuredRun":
    from pydantic import ValidationError

    from tilewright.base.errors import first_problem
    from tilewright.gem5_configs.runs import MeasuredRun

    clocks["l1d_ghz"] = clocks.pop("l1_ghz")
    try:
        return MeasuredRun(core=run.core, domains="", host=host, workload=workload, **clocks, **run.counts)
    except ValidationError as error:
        location, problem = first_problem(error)
        raise ConfigError(f"{path}: {location[0]} = {problem}") from error
