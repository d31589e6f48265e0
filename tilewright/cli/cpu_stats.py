"""The command ``tilewright cpu stats``."""

from pathlib import Path

import click

from tilewright.cli.output import console, json_option, print_json


@click.command(name="stats", epilog="Example: tilewright cpu stats m5out/stats.txt")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--core", type=click.Choice(["o3", "minor"]), help="Kind of core that the runs must have.")
@json_option
def command(files: tuple[Path, ...], core: str | None, as_json: bool) -> None:
    """Read gem5's statistics of runs made elsewhere: one row of core 0 for each stats.txt, or folder with one."""
    from tilewright.gem5_configs.statistics import read_statistics

    rows = []
    for file in files:
        path = file / "stats.txt" if file.is_dir() else file
        rows.append({"file": str(path), **read_statistics(path, core)})  # type: ignore[arg-type]
    if as_json:
        print_json({"runs": rows})
        return
    from tilewright.cli.cpu_tables import print_counts

    print_counts(console(), rows)
