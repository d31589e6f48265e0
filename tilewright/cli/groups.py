"""Groups of commands that are imported, or made, on first use."""

from collections.abc import Callable, Mapping

import click


class LazyGroup(click.Group):
    """A group that knows the short help of its commands and makes a command only when it is used, so that help is
    quick.

    Parameters
    ----------
    kind : str
        Word for a command in errors.
    about : mapping
        Commands and what they do.
    make : callable
        Returns the command of a name.
    """

    def __init__(
        self,
        *arguments: object,
        kind: str,
        about: Mapping[str, str],
        make: Callable[[str], click.Command],
        **settings: object,
    ):
        super().__init__(*arguments, **settings)  # type: ignore[arg-type]
        self._kind = kind
        self._about = about
        self._make = make

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._about)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._make(cmd_name) if cmd_name in self._about else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(f"{self._kind.capitalize()}s"):
            formatter.write_dl(sorted(self._about.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]):  # type: ignore[no-untyped-def]
        if args and not args[0].startswith("-") and args[0] not in self._about:
            from tilewright.base.errors import suggest

            raise click.UsageError(f"unknown {self._kind} '{args[0]}'{suggest(args[0], self._about)}")
        return super().resolve_command(ctx, args)
