"""The command ``tilewright explore``."""

from pathlib import Path

import click

from tilewright.cli.option_errors import named_as_options
from tilewright.cli.output import (
    console,
    csv_option,
    json_option,
    make_folder,
    out_option,
    print_csv,
    print_json,
    print_written,
)
from tilewright.cli.phase_options import context_option, phase_option


@click.command(
    name="explore",
    epilog="Example: tilewright explore llama-3.2-1b --space space.toml --study build/space.study --workers 2",
)
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option("--space", required=True, type=click.Path(path_type=Path),
              help="TOML file of the space: base, fields, models, objectives, constraints.")  # fmt: skip
@phase_option
@context_option
@click.option("--study", type=click.Path(path_type=Path),
              help="File that keeps all that is finished, from which an exploration goes on.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="NUMBER",
              help="Number of processes that run the exact model.")  # fmt: skip
@click.option("--scheduler", metavar="URL",
              help="Address of a Dask cluster for the exact model, such as tcp://10.0.0.1:8786.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), default=0, show_default=True, metavar="NUMBER",
              help="Seed of NSGA-II, which searches spaces of more than ten million legal designs.")  # fmt: skip
@out_option
@json_option
@csv_option
def command(
    models: tuple[str, ...],
    space: Path,
    phase: str | None,
    context: int | None,
    study: Path | None,
    workers: int,
    scheduler: str | None,
    seed: int,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Find the best designs of a space: estimated by the million, and each that is printed run on the exact model.

    MODELs are as in map; the space names them if the command does not. Every design that may be on the Pareto front,
    given the error of the estimates, is run on the exact model. With --out, the command writes explore.json,
    explore.csv, explore.png (the front), explore.gains.png (what the time of its designs goes to) and explore.html, a
    page that needs no network.
    """
    from tilewright.api.exploration import explore
    from tilewright.cli.exploring import exploring

    if folder:
        make_folder(folder)
    with (
        named_as_options(lambda: ("scheduler", "workers", "study", "phase", "context")),
        exploring(space.name) as watch,
    ):
        result = explore(
            models, space, phase=phase, context=context, study=study, workers=workers, scheduler=scheduler, seed=seed,
            watch=watch,
        )  # fmt: skip
    files = result.write(folder) if folder else []
    if as_json:
        print_json(result.to_dict(), files)
        return
    from tilewright.cli.explore_tables import print_exploration
    from tilewright.mapping.explore.rows import front_rows

    if as_csv:
        print_csv(front_rows(result))
        return
    print_exploration(console(), result)
    print_written(files)
