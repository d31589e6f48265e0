"""Compares the tree's outputs with the snapshot, or takes it anew: ``python -m tests.snapshot [--write] [NAME ...]``.

NAME is a part of an entry's name; without one, all entries are made, which takes about 20 seconds.
"""

import argparse
import json
import sys

from tests.snapshot.outputs import entries
from tests.snapshot.stored import FILE, differences, stored


def main() -> int:
    """Compare or write; return the exit status: 1 if an entry differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.snapshot", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of the name of an entry")
    parser.add_argument("--write", action="store_true", help="replace the entries in the snapshot")
    options = parser.parse_args()
    kept, status = stored(), 0
    for name, make in entries().items():
        if options.names and not any(part in name for part in options.names):
            continue
        made = make()
        lines = differences(kept.get(name), made)
        print(f"{'differs' if lines else 'equal  '} {name}")
        for line in lines:
            print(f"    {line}")
        status = status or bool(lines)
        kept[name] = made
    if options.write:
        kept = {name: kept[name] for name in entries()}
        FILE.write_text(json.dumps(kept, indent=1) + "\n")
        return 0
    return status


sys.exit(main())
