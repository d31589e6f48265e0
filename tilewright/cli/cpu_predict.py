"""The command ``tilewright cpu predict``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tilewright.base.files import write_json
from tilewright.cli.output import console, csv_option, json_option, make_folder, out_option, print_csv, print_json
from tilewright.cli.set_option import changed_host, set_option

if TYPE_CHECKING:
    from tilewright.gem5_configs.runs import MeasuredRun
    from tilewright.sim.config.host import HostConfig
    from tilewright.sim.config.host_clocks import HostClocks


def _clocks(domains: str | None, high: float | None, **ghz: float | None) -> "HostClocks":
    """Return the clocks of a variant, if one is given, those given one by one, and 4 GHz and 1 GHz for the rest."""
    from pydantic import ValidationError

    from tilewright.api.config_options import configuration
    from tilewright.base.errors import ConfigError, first_problem
    from tilewright.cli.option_errors import named_as_options
    from tilewright.sim.config.host_clocks import DOMAINS, HostClocks, domain_clocks

    given = {name: value for name, value in ghz.items() if value is not None}
    if domains is None:
        if high is not None:
            raise ConfigError("--high-ghz is the clock of what --domains makes fast: give that, too")
        with named_as_options(lambda: HostClocks.model_fields):
            return configuration(HostClocks, given)
    if DOMAINS.get(domains) and high is None:
        raise ConfigError(f"--high-ghz is missing: the clock of {', '.join(DOMAINS[domains])} in '{domains}'")
    try:
        variant = domain_clocks(domains, high if high is not None else 1)
    except ValidationError as error:
        raise ConfigError(f"--high-ghz = {first_problem(error)[1]}") from error
    with named_as_options(lambda: HostClocks.model_fields):
        return configuration(HostClocks, {**dict(variant), **given})


@click.command(
    name="predict",
    epilog="Example: tilewright cpu predict --core-ghz 100 --l1-ghz 100 --workload npb-bt-size-s",
)
@click.option(
    "--baseline",
    default="published",
    show_default=True,
    help="CSV file of runs; predictions start from the runs with core and caches at 4 GHz and the board at 1 GHz. Two "
    "files come with Tilewright: published (arXiv 2408.03308) and kernels (its own workloads).",
)
@click.option(
    "--core",
    type=click.Choice(["o3", "minor"]),
    default="o3",
    show_default=True,
    help="Kind of core: out-of-order or in-order.",
)
@click.option("--core-ghz", type=float, help="Clock of the core in GHz. [default: 4]")
@click.option("--l1-ghz", type=float, help="Clock of both first-level caches in GHz. [default: 4]")
@click.option("--l2-ghz", type=float, help="Clock of the second-level cache in GHz. [default: 4]")
@click.option("--l3-ghz", type=float, help="Clock of the third-level cache in GHz. [default: 4]")
@click.option("--board-ghz", type=float, help="Clock of the bus to memory in GHz. [default: 1]")
@click.option("--domains", help="Variant that sets all clocks, such as super-core-l1; single clocks override it.")
@click.option("--high-ghz", type=float, help="Clock in GHz of the parts that the variant makes fast.")
@click.option("--workload", help="Name of the only workload to predict. [default: all workloads in the CSV file]")
@click.option(
    "--host",
    default="cryogenic",
    show_default=True,
    help="Preset or TOML file of the host on which the runs were measured; its clocks do not matter, and runs that "
    "name another host are ignored.",
)
@set_option("host", "l2.size_kib=1024")
@out_option
@json_option
@csv_option
def command(
    baseline: str,
    core: str,
    domains: str | None,
    high_ghz: float | None,
    workload: str | None,
    host: str,
    changes: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
    **ghz: float | None,
) -> None:
    """Predict the time of workloads at other clocks from one measured run of each on the same core.

    The command prints seconds, instructions in each cycle, and the causes of the cycles of an instruction. The model
    and its errors are described in docs/host-core.md. With --out, it writes cpu-predict.json,
    cpu-speedup.png (all variants over the frequency, and the runs that the CSV has) and cpu-cpi.png.
    """
    from tilewright.gem5_configs.core_model import predict
    from tilewright.gem5_configs.runs import COMMITTED, baselines, pick, read_runs, runs_of

    clocks = _clocks(domains, high_ghz, **ghz)
    chosen = changed_host(host, changes)
    path = COMMITTED.get(baseline, Path(baseline))
    runs = runs_of(read_runs(path), chosen, path)
    found = baselines(runs, core, path)  # type: ignore[arg-type]
    if workload is not None:
        found = pick(found, workload, path)
    if folder:
        make_folder(folder)
    rows: list[dict] = []
    for name, run in found.items():
        prediction = predict(run, clocks, chosen)
        rows.append(
            {
                "workload": name,
                "seconds": prediction.seconds,
                "ipc": prediction.ipc,
                "cpi_stack": prediction.cpi_stack,
                "baseline_seconds": run.sim_seconds,
                "speedup": run.sim_seconds / prediction.seconds,
            }
        )
    result: dict = {"core": core, "clocks": clocks.model_dump(), "baseline": str(path), "workloads": rows}
    if workload is not None:
        result |= rows[0]  # of a single workload, what is asked for stands on top, too
    files = _write(result, found, runs, chosen, folder) if folder else []
    if as_json:
        print_json({**result, "files": [str(file) for file in files]})
        return
    if as_csv:
        print_csv(result["workloads"])
        return
    from tilewright.cli.cpu_tables import print_predictions

    print_predictions(console(), result)
    for file in files:
        console().print(f"wrote {file}")


def _write(
    result: dict, found: "dict[str, MeasuredRun]", runs: "list[MeasuredRun]", host: "HostConfig", folder: Path
) -> list[Path]:
    from tilewright.gem5_configs.core_model import predict
    from tilewright.gem5_configs.plots import draw_speedups, draw_stacks
    from tilewright.gem5_configs.speedup import measured_speedups, predicted_speedups

    stacks = {
        row["workload"]: {
            "at 4 GHz": predict(found[row["workload"]], found[row["workload"]].clocks, host).cpi_stack,
            "predicted": row["cpi_stack"],
        }
        for row in result["workloads"]
    }
    title = f"core {result['core']}, speed-up over 4 GHz: lines predicted, points measured"
    curves, points = predicted_speedups(found, host), measured_speedups(found, runs)
    bars = f"core {result['core']}, cycles an instruction at 4 GHz and at {_text(result['clocks'])} GHz"
    return [
        write_json(folder / "cpu-predict.json", result),
        draw_speedups(folder / "cpu-speedup.png", title, curves, points),
        draw_stacks(folder / "cpu-cpi.png", bars, stacks),
    ]


def _text(clocks: dict[str, float]) -> str:
    return " / ".join(f"{value:g}" for value in clocks.values())
