"""Output files and folders that cannot be written: the line names the path and the reason, and nothing is replaced."""

import os
import socket
from contextlib import chdir
from pathlib import Path

from tests.cli.bad_inputs.case import Case, case

PROGRAM = {"good.asm": ".lanes 16\nend\n"}
BINARY = {"good.bin": bytes([1]) + bytes(63)}
FILE = {"file": "kept"}
LONG, DEEP = "n" * 256, "n/" * 2500 + "n"
MUST = ", and must be a file"


def pipe(folder: Path) -> None:
    """Make a pipe that nobody reads, and a link to it."""
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("pipe")


def bound(folder: Path) -> None:
    """Make a socket."""
    with chdir(folder), socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")


def links(folder: Path) -> None:
    """Make links that lead to themselves, to a folder, to nothing, and to a device."""
    (folder / "inner").mkdir()
    for name, target in (("loop", "loop"), ("folder", "inner"), ("nowhere", "none/file"), ("full", "/dev/full")):
        (folder / name).symlink_to(target)


def assemble(name: str, path: str, *says: str, **more: object) -> Case:
    """Return a case of ``program assemble``."""
    files = {**PROGRAM, **more.pop("files", {})}  # type: ignore[dict-item]
    return case(name, ("program", "assemble", "good.asm", "-o", path), "cannot be written", *says, files=files, **more)


def into(name: str, command: str, path: str, *says: str, **more: object) -> Case:
    """Return a case of ``--out``."""
    files = {**PROGRAM, **more.pop("files", {})}  # type: ignore[dict-item]
    return case(
        name, (*command.split(), "--out", path), f"--out {path[:20]}", "cannot be written", *says, files=files, **more
    )


RUN, MAP = "program run good.asm --system small", "map llama-3.2-1b"
GENERATE, SYNTH, COSIM = "generate posit-decoder", "synth posit-decoder", "cosim cim-tile"
FOLDER = "it must be a folder"

CASES = (
    assemble("the folder itself", ".", ".: ", "it is a folder" + MUST),
    assemble("an empty name", "", "it is a folder" + MUST),
    assemble("the root", "/", "/: ", "it is a folder" + MUST),
    assemble("a folder that is not there", "none/x.bin", "none/x.bin: ", "No such file or directory"),
    assemble("a folder that is a file", "file/x.bin", "file/x.bin: ", "Not a directory", files=FILE),
    assemble("a name too long", LONG, "File name too long"),
    assemble("a path too long", DEEP, "File name too long"),
    assemble("a pipe that nobody reads", "pipe", "pipe: ", "it is a pipe that no process reads", prepare=pipe),
    assemble("a link to a pipe", "link", "link: ", "it is a pipe that no process reads", prepare=pipe),
    assemble("a socket", "socket", "socket: ", "it is a disk or a socket" + MUST, prepare=bound),
    assemble("a full disk", "/dev/full", "/dev/full: ", "No space left on device"),
    assemble("a link to a full disk", "full", "full: ", "No space left on device", prepare=links),
    assemble("a link to itself", "loop", "loop: ", "Too many levels of symbolic links", prepare=links),
    assemble("a link to a folder", "folder", "folder: ", "it is a folder" + MUST, prepare=links),
    assemble("a link to nowhere", "nowhere", "nowhere: ", "No such file or directory", prepare=links),
    assemble("a file in /proc", "/proc/tilewright", "/proc/tilewright: ", "No such file or directory"),
    assemble("an open file that is not there", "/dev/fd/99", "/dev/fd/99: ", "No such file or directory"),
    assemble("a file in a device", "/dev/null/x", "/dev/null/x: ", "Not a directory"),
    case("a text in a folder that is not there", "program disassemble good.bin -o none/x", "none/x: cannot be written", files=BINARY),
    case("a text as a folder", "program disassemble good.bin -o .", "cannot be written", "it is a folder" + MUST, files=BINARY),
    into("a run into a file", RUN, "file", FOLDER, files=FILE),
    into("a run into a folder in a file", RUN, "file/x", "Not a directory", files=FILE),
    into("a run into a pipe", RUN, "pipe", FOLDER, prepare=pipe),
    into("a run into a socket", RUN, "socket", FOLDER, prepare=bound),
    into("a run into a link to itself", RUN, "loop", FOLDER, prepare=links),
    into("a run into a link to nowhere", RUN, "nowhere", FOLDER, prepare=links),
    into("a run into a name too long", RUN, LONG, "File name too long"),
    into("a run into new folders with a name too long", RUN, f"new/{LONG}/new", "File name too long"),
    into("a run into /proc", RUN, "/proc/tilewright", "No such file or directory"),
    into("a map into a file", MAP, "file", FOLDER, files=FILE),
    into("a map into a device", MAP, "/dev/null", FOLDER),
    into("a block into a file", GENERATE, "file", FOLDER, files=FILE),
    into("a block into a folder in a device", GENERATE, "/dev/null/x", "Not a directory"),
    into("figures into a file", SYNTH, "file", FOLDER, files=FILE),
    into("figures into a path too long", SYNTH, DEEP, "File name too long"),
    into("a table into a file", COSIM, "file", FOLDER, files=FILE),
    into("a table into a pipe", COSIM, "pipe", FOLDER, prepare=pipe),
    into("predictions into a file", "cpu predict", "file", FOLDER, files=FILE),
)  # fmt: skip
