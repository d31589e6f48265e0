"""Start of the command line: Ctrl-C and closed streams are dealt with before anything else is imported."""

import os
import signal
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    signal.signal(signal.SIGINT, _interrupted)
    _open_closed_streams()
    from tilewright.cli import main as run

    run()


def _interrupted(*_: object) -> None:
    os.write(2, b"tilewright: interrupted\n")
    os._exit(130)


def _open_closed_streams() -> None:
    """Give /dev/null to streams that the caller has closed: the next file that is opened would take their place."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode))


if __name__ == "__main__":
    main()
