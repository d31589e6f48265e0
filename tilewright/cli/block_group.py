"""Groups of commands that have a subcommand for each block."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tilewright.base.errors import ConfigError, suggest
from tilewright.cli.blocks import BLOCKS, Block, Option
from tilewright.cli.groups import LazyGroup

if TYPE_CHECKING:
    from tilewright.hw.generate import Design

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

        def callback(**values: Any) -> None:
            chosen = {option.keyword: values.pop(option.keyword) for option in options}
            try:
                self._run(name, _design(block, chosen), **values)
            except ConfigError:
                from amaranth.hdl import UnusedElaboratable

                # A component that was refused, half made, is not the mistake that Amaranth would warn of.
                warnings.simplefilter("ignore", UnusedElaboratable)
                raise

        for extra in reversed(self._extra):
            callback = extra(callback)
        command = click.command(
            name=name,
            help=f"{block.about}.\n\n{self._does} {block.notes}",
            epilog=f"Example: tilewright {self.name} {name} {block.example}",
        )(callback)
        command.params[:0] = [_parameter(option) for option in options]
        return command


def _design(block: Block, values: dict) -> "Design":
    try:
        return block.load_builder()(**values)
    except ConfigError:
        raise
    except ValueError as error:
        problem = str(error)
        for keyword in values:
            if problem.startswith(f"{keyword} "):
                problem = f"--{keyword.replace('_', '-')}{problem.removeprefix(keyword)}"
        raise ConfigError(problem) from error


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
        self.name = {"int": "integer"}.get(option.kind, option.kind)
        self._option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        option = self._option
        if option.kind == "int":
            value = click.INT.convert(value, param, ctx)
        if option.choices and value not in option.choices:
            self.fail(f"{value!r} is not allowed{suggest(str(value), map(str, option.choices))}", param, ctx)
        if option.kind == "format" and isinstance(value, str):
            try:
                value = option.parse(value)
            except ValueError as error:
                self.fail(str(error), param, ctx)
        return value
