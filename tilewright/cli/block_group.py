"""Groups of commands that have a subcommand for each block."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from tilewright.api.blocks import BLOCKS, Option
from tilewright.base.errors import ConfigError
from tilewright.cli.groups import LazyGroup
from tilewright.cli.option_errors import named_as_options
from tilewright.cli.set_option import changed_system, set_option

Run = Callable[..., None]
"""Function behind a subcommand; it takes the block's name, its design and the command's own options."""


class BlockGroup(LazyGroup):
    """A group with a subcommand for each block, which takes the block's options and the ``extra`` ones."""

    def __init__(self, *arguments: object, run: Run, extra: list[Callable], does: str, **settings: object):
        super().__init__(
            *arguments,
            kind="block",
            about={name: block.about for name, block in BLOCKS.items()},
            make=self._command,
            **settings,
        )
        self._run = run
        self._extra = extra
        self._does = does

    def _command(self, name: str) -> click.Command:
        block = BLOCKS[name]
        options = block.load_options()

        takes_system = any(option.kind == "system" for option in options)

        def callback(**values: Any) -> None:
            chosen = {option.keyword: values.pop(option.keyword) for option in options}
            changes = values.pop("changes", ())
            if changes and chosen["system"] is None:
                raise ConfigError("--set changes a system: --system is missing")
            if changes:
                chosen["system"] = changed_system(chosen["system"], changes)
            with _quietly_refused(), named_as_options(lambda: chosen):
                self._run(name, block.design(**chosen), **values)

        set_options = [set_option("system", "cim.tiles=8")] if takes_system else []
        for extra in reversed([*set_options, *self._extra]):
            callback = extra(callback)
        command = click.command(
            name=name,
            help=f"{block.about}.\n\n{self._does} {block.notes}",
            epilog=f"Example: tilewright {self.name} {name} {block.example}",
        )(callback)
        command.params[:0] = [_parameter(option) for option in options]
        return command


@contextmanager
def _quietly_refused() -> Iterator[None]:
    """Keep Amaranth from warning of a component that was refused, half made."""
    try:
        yield
    except ConfigError:
        from amaranth.hdl import UnusedElaboratable

        warnings.simplefilter("ignore", UnusedElaboratable)
        raise


def _parameter(option: Option) -> click.Option:
    about = option.about
    if option.choices and option.kind != "format":
        about += f" One of {', '.join(map(str, option.choices))}."
    # A default of None would count as given.
    default: dict[str, Any] = {} if option.default is None else {"default": option.default, "show_default": True}
    return click.Option(
        [f"--{option.name}", option.keyword],
        type=_Value(option),
        required=option.required,
        help=about,
        **default,
    )


class _Value(click.ParamType):
    def __init__(self, option: Option):
        self.name = {"int": "integer", "system": "text"}.get(option.kind, option.kind)
        self._option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if self._option.kind == "int":
            value = click.INT.convert(value, param, ctx)
        if self._option.kind == "system":
            return value  # read with the changes of --set
        try:
            return self._option.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
