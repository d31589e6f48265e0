"""The command ``tilewright precision``."""

from pathlib import Path
from typing import Any

import click

from tilewright.base.errors import ConfigError
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
from tilewright.cli.set_option import changed_system, set_option
from tilewright.cli.waiting import progress, status

NAMES = (
    "budget", "budget_bytes", "budget_cycles", "budget_energy", "system", "context", "formats", "uniform", "method",
    "activations", "cache", "tokens", "calibration", "selection", "test",
)  # fmt: skip


class _Bits(click.ParamType):
    name = "bits"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        numbers = (click.FLOAT(part.strip(), param, ctx) for part in str(value).split(","))
        return tuple(dict.fromkeys(numbers))


def _text_option(name: str, about: str) -> Any:
    return click.option(f"--{name}", type=click.Path(path_type=Path), metavar="FILE", help=about)


@click.command(
    name="precision",
    epilog="Example: tilewright precision slate-132k --budget 4,5,6 --out build --plan build/plan.json",
)
@click.argument("model", metavar="MODEL")
@click.option("--budget", type=_Bits(), default="5", show_default=True, metavar="NUMBERS",
              help="Bits a weight, scales included; a plan is searched for each.")  # fmt: skip
@click.option("--budget-bytes", type=int, help="Bytes of all matrices, scales included, in place of --budget.")
@click.option("--system", "system_name", metavar="SYSTEM",
              help="Preset or TOML file of a system on whose exact model plans and baselines run.")  # fmt: skip
@set_option("system", "cim.tile.narrow_weights=int4")
@click.option("--context", type=int,
              help="Number of positions of a step on the system, or of tokens of an encoder's sentence. [default: 128, "
              "or as many as the model takes]")  # fmt: skip
@click.option("--budget-cycles", type=int, help="Cycles of that run, in place of --budget.")
@click.option("--budget-energy", type=float, metavar="JOULES", help="Energy of that run, in place of --budget.")
@click.option("--formats", metavar="NAMES",
              help="Formats that a matrix may have, such as int4/32, int8/channel, mxfp4 or posit5_1, which stands for "
              "every granularity. [default: those of the system's array, or integers of 2 to 8 bits, FP4, MXFP4, FP8, "
              "posits, BF16]")  # fmt: skip
@click.option("--uniform", default="", metavar="NAMES", help="Formats of more baselines: all matrices in one of them.")
@click.option(
    "--method", type=click.Choice(["nearest", "clipped", "compensated"]), default="compensated", show_default=True,
    help="Way of rounding: to nearest, also with searched scales, also with compensation.",
)  # fmt: skip
@click.option("--activations", metavar="NAME", help="Format of activations, such as int8. [default: float64]")
@click.option("--cache", metavar="NAME",
              help="Format of keys and values, such as int4; keys are rounded as distances from their mean. [default: "
              "that of activations]")  # fmt: skip
@click.option("--tokens", type=int, default=2048, show_default=True,
              help="Number of tokens of the calibration text of a decoder.")  # fmt: skip
@_text_option(
    "calibration", "Text on which rounding depends; for an encoder, a sentence a line; for a classifier, .npz."
)
@_text_option("selection", "Text on which matrices are measured and plans are chosen.")
@_text_option("test", "Text on which the result is measured, and nothing else.")
@click.option("--baselines/--no-baselines", default=True, show_default=True,
              help="Measure uniform, random and layer-wise assignments, and the ways of rounding, too.")  # fmt: skip
@click.option(
    "--plan", "plan_file", type=click.Path(path_type=Path), metavar="FILE",
    help="File to write the plan to; its rounded weights go beside it, in a file that ends in .npz.",
)  # fmt: skip
@out_option
@json_option
@csv_option
def command(
    model: str,
    budget: tuple[float, ...],
    system_name: str | None,
    changes: tuple[str, ...],
    plan_file: Path | None,
    folder: Path | None,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Search which format each matrix of a model is stored in, on its real weights.

    MODEL is a model with weights, as `tilewright run` takes it, minilm, or a classifier of pictures (.onnx) whose texts
    are files of numpy (.npz) with `pictures` and `classes`. The command rounds each matrix alone to see what it costs,
    gives bits to the matrices that need them, and measures the plan on a text that it has not seen, beside baselines.
    With --system, each of them has the cycles and the energy of a run on the exact model, too. A small decoder writes
    the texts itself. What was measured is kept: a search that was interrupted goes on where it was. With --out, it
    writes precision.json and precision.png, the losses against bits.
    """
    from tilewright.api.precision import prepare_precision

    if plan_file and len(budget) > 1:
        raise ConfigError("--plan is not allowed with several budgets: a file has one plan")
    with named_as_options(lambda: NAMES):
        if changes and system_name is None:
            raise ConfigError("--set is not allowed without --system")
        system = None if system_name is None else changed_system(system_name, changes)
        with status(f"reading {model}"):
            found = prepare_precision(model, budget=budget, system=system, **options)
        if folder:
            make_folder(folder)
        with progress(f"measuring {model}", found.parts) as done:
            result = found.run(done)
    files = []
    if plan_file:
        with status("rounding the weights of the plan"):
            files += result.write_plan(plan_file)
    if folder:
        from tilewright.base.files import write_json
        from tilewright.mapping.precision.plans.picture import draw_front

        files += [write_json(folder / "precision.json", result.to_dict()), draw_front(folder / "precision.png", result)]
    if as_json:
        print_json(result.to_dict(), files)
        return
    if as_csv:
        print_csv([each.to_dict() for each in (*result.plans, *result.baselines)])
        return
    from tilewright.cli.precision_tables import print_precision

    print_precision(console(), result)
    print_written(files)
