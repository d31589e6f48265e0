"""The command ``tilewright``: each command is a module of this package, imported when it is used."""

import importlib
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

import tilewright
from tilewright.cli.groups import LazyGroup

if TYPE_CHECKING:
    from tilewright.base.errors import ToolError

COMMANDS = {
    "cache": "Show, check or clear what is kept between runs.",
    "compare": "Print the figures of several designs side by side, with their ratios to the first.",
    "cosim": "Run RTL under Verilator beside its exact model and print the differences.",
    "cpu": "Predict host workloads at other clocks, or run them under gem5.",
    "doctor": "Print which external tools were found, and how to get the missing ones.",
    "env": "Print the shell variables with which cocotb's runner and Makefiles find a simulator.",
    "explore": "Find the best designs of a space, each of which the exact model has run.",
    "export": "Compile a decoder once, for a host that has no compiler.",
    "generate": "Write the Verilog of a block.",
    "list": "List all systems, models, blocks, co-simulations, hosts and host workloads.",
    "map": "Map a transformer onto a system: cycles, bounds, energy.",
    "precision": "Search which format each matrix of a model is stored in, on its real weights.",
    "program": "Assemble, disassemble and run programs of the accelerator, and print their fields.",
    "report": "Summarise the files that map, cosim, generate and synth wrote to a folder.",
    "require": "Find the smallest change of a system with which a model reaches a rate.",
    "run": "Let a model write a text on the exact model of an accelerator, or in RTL beside it.",
    "schema": "Print the JSON schema of a system's or a host's description.",
    "suggest": "Find the changes of a system that give most for what they add.",
    "synth": "Synthesise a block: look-up tables, flip-flops, cells, area, path, power.",
}
"""Commands and their short help; the module of a command has its name, followed by ``_command``."""


def _load(name: str) -> click.Command:
    return importlib.import_module(f"tilewright.cli.{name}_command").command


EPILOG = (
    "Example: tilewright map llama-3.2-1b --phase decode --context 1024 --system edge-int4\n\n"
    "Exit status: 0 if all is well, 1 if a check failed, 2 on bad input or an unfit environment, 3 if an outside tool "
    "failed, 130 after Ctrl-C."
)


@click.group(
    cls=LazyGroup,
    kind="command",
    about=COMMANDS,
    make=_load,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(tilewright.__version__, prog_name="tilewright")
def cli() -> None:
    """Generate, prove, model and schedule edge-AI accelerators."""


_AGAIN_SECONDS = 0.05
"""Time after which an exception that was dropped is raised anew."""


class _EndedError(BaseException):
    """A signal that ends the command. It is no KeyboardInterrupt because click prints an empty line for that."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The status is 0 if all is well, 1 if a check failed, 2 on bad input or an environment that lacks something, 3 if
    an outside tool failed, 130 after Ctrl-C, and 128 + n if signal n ends the command. All but 0 and 1 come with one
    line on standard error.
    """
    status: object = 0
    with _signals() as received:
        try:
            status = _status(arguments)
        except BaseException:
            # Code that a signal's exception interrupts may turn it into another, or drop it and fail for that reason.
            if not received:
                raise
            signal.setitimer(signal.ITIMER_REAL, 0)
            [number, *_] = received
            _say("interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}")
            status = 128 + number
    sys.exit(status if isinstance(status, int) else 0)


def _status(arguments: Sequence[str] | None) -> object:
    """Run a command; return its exit status after printing the reason if it is not 0."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be no text, and terminals know less
    try:
        status = _invoke(arguments)
        sys.stdout.flush()
    except click.ClickException as error:
        return _refuse(error.format_message())
    except BrokenPipeError:
        _discard(sys.stdout)  # the reader of a pipe went away: say nothing, also not when Python flushes at the end
        return 0
    except OSError as error:
        return _refuse(_os_error(error))
    except Exception as error:
        from tilewright.base.errors import ConfigError, ToolError

        if isinstance(error, ToolError):
            return _tool_failed(error)
        if not isinstance(error, ConfigError):
            raise
        return _refuse(str(error))
    return status


def _invoke(arguments: Sequence[str] | None) -> object:
    if "_TILEWRIGHT_COMPLETE" in os.environ:
        return cli.main(args=arguments, prog_name="tilewright", standalone_mode=False)
    # click's own main turns a broken pipe into status 1, which says that a check failed.
    try:
        with cli.make_context("tilewright", list(sys.argv[1:] if arguments is None else arguments)) as context:
            return cli.invoke(context)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.exceptions.Exit as error:
        return error.exit_code


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Turn signals that end a command into exceptions, so that it cleans up; yield the list of those that came.

    An exception that is raised in a callback of compiled code or in ``__del__`` may be dropped there. So the first
    signal starts a timer, which raises the exception anew for as long as nothing deals with it.
    """
    hook = sys.unraisablehook
    received: list[int] = []

    def end(number: int, _: object) -> NoReturn:
        # Amaranth warns of components that are not used, which is what an interrupt leaves.
        warnings.simplefilter("ignore")
        received.append(number)
        signal.signal(signal.SIGALRM, lambda *_: again(number))
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS, _AGAIN_SECONDS)
        raise _EndedError(number)

    def again(number: int) -> None:
        handled = sys.exception()
        while handled and not isinstance(handled, _EndedError):
            handled = handled.__context__
        if not handled:
            raise _EndedError(number)

    def unraisable(what: Any) -> None:
        if not isinstance(what.exc_value, _EndedError):
            hook(what)

    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield received
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    sys.unraisablehook = unraisable
    try:
        yield received
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _os_error(error: OSError) -> str:
    """Return the reason for an error of the operating system that nothing else has put into words."""
    _discard(sys.stdout)  # Python would try to write it again at its end
    return f"{error.filename or 'standard output or a temporary file'}: {error.strerror or error}"


def _discard(stream: TextIO) -> None:
    """Send what is still to be printed nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _tool_failed(error: "ToolError") -> int:
    message = str(error)
    if error.output:
        from tilewright.base.cache import cache_folder
        from tilewright.base.errors import ConfigError
        from tilewright.base.files import write_text

        with suppress(ConfigError, OSError):
            cache_folder().mkdir(parents=True, exist_ok=True)
            message += f" (all that it printed: {write_text(cache_folder() / 'failed-tool.log', error.output)})"
    return _refuse(message, 3)


def _refuse(message: str, status: int = 2) -> int:
    _say(f"error: {message}")
    return status


def _say(line: str) -> None:
    from tilewright.base.text import one_line

    try:
        click.echo(f"tilewright: {one_line(line)}", err=True)
    except OSError:
        _discard(sys.stderr)
