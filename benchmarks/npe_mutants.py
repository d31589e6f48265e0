"""Mutants of the smallest NPE of ``tilewright cosim npe`` through its co-simulation: each is detected or proved equal.

    python -m benchmarks.npe_mutants --seed 1 --count 20

A mutant is the generated Verilog with one operator, constant or choice changed, at a place taken at random. It runs
with ``tilewright cosim npe --verilog``. For one in which nothing is found, Yosys tries to prove that it is the same
circuit; without a proof it runs with other seeds, then through the NPE's tests of errors, aborts, resets, registers and
random jobs.
Takes about a CPU minute for each mutant.
"""

import argparse
import difflib
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tilewright.base.errors import ToolError
from tilewright.base.tools import find_yosys
from tilewright.cocotb_tests.harness.foreign import read_foreign
from tilewright.cocotb_tests.harness.structure import MODULE, modules_of, parts_of
from tilewright.cocotb_tests.npe import cb_npe, cb_npe_errors
from tilewright.cocotb_tests.npe.suite import LAST_BITS, SUITES
from tilewright.cocotb_tests.runner import BenchError
from tilewright.hw.npe.design import npe
from tilewright.hw.synth.run import run_yosys

SUITE = SUITES[0]
OTHER_TESTS = (
    ("errors_of_memory", 24), ("addresses_beyond_memory", 0), ("bad_descriptors", 0), ("refused_starts", 0),
    ("aborts", 16), ("reset_in_flight", 12), ("registers", 0), ("random_jobs", 60), ("random_stalls", 30),
)  # fmt: skip
"""Tests that run after the table's cases, and how many programs each of them makes."""
PROOF_SECONDS = 300
"""Longest time of a proof."""
SEEDS = range(2, 26)
"""Seeds of the case in which all bits of a product are seen, after the one of the table."""
OPERATORS = {
    "+": "-", "-": "+", "&": "|", "|": "&", "^": "&", "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=",
    ">=": ">", "<<": ">>", ">>": "<<", "&&": "||", "||": "&&",
}  # fmt: skip
"""Another operator for each one between two operands."""
_ASSIGNMENT = re.compile(r"^  assign (.*?) = .*;$")
_AUTOMATIC = re.compile(r"_\d+_")
_SITE = re.compile(
    r" (==|!=|<=|>=|<<|>>|&&|\|\||[-+&|^<>]) |(~)|\d+'h([0-9a-f]+)|(?<=[\w\]]) \? ([^?:]+) : ([^?:;]+);$"
)


@dataclass(frozen=True)
class Mutant:
    """A text with one change."""

    text: str
    module: str
    """Module that is changed."""
    before: str
    """Line that was changed."""
    after: str


def sites(verilog: str) -> Iterator[tuple[int, re.Match]]:
    """Yield the number of the line and the place in it of all that can be changed, without nets that nothing uses."""
    first = 0
    for part in parts_of(verilog):
        uses = Counter(re.findall(r"\w+", part))
        lines = part.split("\n")
        for number, line in enumerate(lines, first):
            match = _ASSIGNMENT.match(line)
            # A net is named where it is declared and where it is assigned.
            if match and not (_AUTOMATIC.fullmatch(match[1]) and uses[match[1]] <= 2):
                yield from ((number, site) for site in _SITE.finditer(line, match.end(1) + 2))
        first += len(lines) - 1


def mutated(verilog: str, number: int, match: re.Match, rng: random.Random) -> Mutant:
    """Return the text with a change at a place."""
    lines = verilog.split("\n")
    line = lines[number]
    operator, inversion, digits, one, other = match.groups()
    if operator:
        new = f" {OPERATORS[operator]} "
    elif inversion:
        new = ""
    elif digits:
        width = int(match[0].partition("'")[0])
        new = f"{width}'h{int(digits, 16) ^ 1 << rng.randrange(width):x}"
    else:
        new = f" ? {other} : {one};"
    lines[number] = line[: match.start()] + new + line[match.end() :]
    above = next(found for found in map(MODULE.match, reversed(lines[: number + 1])) if found)
    return Mutant("\n".join(lines), above[1], line, lines[number])


def mutants(verilog: str, count: int, seed: int) -> list[Mutant]:
    """Return mutants at places taken at random, no place twice."""
    rng = random.Random(seed)
    return [mutated(verilog, *site, rng) for site in rng.sample(list(sites(verilog)), count)]


def detected_by_table(file: Path) -> str:
    """Return how the co-simulation detects the mutant in a file; nothing if it does not."""
    command = [sys.executable, "-m", "tilewright", "cosim", "npe", "--design", SUITE.name, "--verilog", str(file)]
    ended = subprocess.run([*command, "--json"], capture_output=True, text=True)
    if ended.returncode:
        cases = json.loads(ended.stdout)["cases"] if ended.stdout else []
        wrong = [
            case["name"].removeprefix(f"{SUITE.name}: ")
            for case in cases
            if case["mismatches"] or case["rtl_cycles"] != case["model_cycles"]
        ]
        said = ended.stderr.strip().splitlines()[-1:] or [""]
        return f"{len(wrong)} of {len(cases)} cases differ" if wrong else said[0].removeprefix("tilewright: ")[:100]
    return ""


def detected_by_tests(file: Path) -> str:
    """Return which other test of the NPE detects the mutant in a file, and how; nothing if none does."""
    foreign = read_foreign([file], SUITE.usual_name)
    seeded = [replace(LAST_BITS, name=f"seed {seed}", seed=seed) for seed in SEEDS]
    for row in SUITE.simulate("table", seeded, foreign=foreign):
        if row["mismatches"]:
            return f"case {LAST_BITS.name}, {row['name']}: {row['mismatches']} bytes differ"
    for testcase, programs in OTHER_TESTS:
        try:
            coroutines = f"{cb_npe.BENCH},{cb_npe_errors.BENCH}"
            SUITE.simulate(testcase, coroutines=coroutines, programs=programs, foreign=foreign)
        except (BenchError, ToolError) as error:
            return f"test {testcase}: {str(error).splitlines()[0][:80]}"
    return ""


def proved_equal(verilog: str, mutant: Mutant, levels: int = 99) -> str:
    """Return the module for which Yosys proves that the mutant is equal, or nothing.

    Registers are taken as free inputs and their next values as outputs, so that the proof is one of combinational
    logic, for all contents of registers. The changed module comes first, then the modules that contain it; the modules
    beside these are free inputs and compared outputs, too. At most ``levels`` modules are tried.
    """
    modules, inside = modules_of(verilog), [mutant.module]
    while inside[-1] and len(inside) <= levels:
        if _equal(verilog, mutant.text, inside):
            return inside[-1]
        inside.append(next((name for name, module in modules.items() if inside[-1] in module.instances.values()), ""))
    return ""


def _equal(verilog: str, other: str, inside: Sequence[str]) -> bool:
    """Return whether two texts are equal in the last of some modules, given that modules outside of these are."""
    top, yosys = inside[-1], find_yosys()
    # Registers become ports by the names that both texts give them: nothing is optimised before that.
    make = (
        f"read_verilog -lib outside.v; read_verilog design.v; hierarchy -top {top}; proc; flatten; memory -nomap; "
        f"memory_map; dffunmap; expose -evert -evert-dff {top}; rename {top} SIDE; write_rtlil SIDE.il"
    )
    compare = (
        "read_rtlil gold.il; read_rtlil gate.il; miter -equiv -flatten gold gate equal; hierarchy -top equal; "
        f"setundef -zero; opt -full; sat -verify -timeout {PROOF_SECONDS} -prove trigger 0 equal"
    )
    with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
        folder = Path(name)
        try:
            for side, text in (("gold", verilog), ("gate", other)):
                parts = {match[1]: part for part in parts_of(text) if (match := MODULE.match(part))}
                outside = {each for name in inside for each in modules_of(verilog)[name].instances.values()} - {*inside}
                (folder / "design.v").write_text("".join(parts[each] for each in inside))
                (folder / "outside.v").write_text("".join(parts[each] for each in sorted(outside)))
                run_yosys(yosys, make.replace("SIDE", side), folder)
            run_yosys(yosys, compare, folder)
        except ToolError:
            return False
    return True


def main() -> int:
    """Print how each mutant ends; return 1 if one is neither detected nor proved equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="seed of the places (default: 1)")
    parser.add_argument("--count", type=int, default=20, help="number of mutants (default: 20)")
    parser.add_argument("--first", type=int, default=1, help="number of the first mutant to run (default: 1)")
    options = parser.parse_args()
    verilog = npe(SUITE.config).generate().verilog
    places = sum(1 for _ in sites(verilog))
    print(f"NPE {SUITE.name}, seed {options.seed}, {options.count} of {places} places", flush=True)
    left = 0
    for number, mutant in enumerate(mutants(verilog, options.count, options.seed), 1):
        if number < options.first:
            continue
        with tempfile.TemporaryDirectory(prefix="tilewright-") as name:
            file = Path(name) / "mutant.v"
            file.write_text(mutant.text)
            end = detected_by_table(file)
            if not end and (equal := proved_equal(verilog, mutant, 1)):
                end = f"equal, proved for {equal}"
            end = end or detected_by_tests(file)
        if not end:
            equal = proved_equal(verilog, mutant)
            end = f"equal, proved for {equal}" if equal else "NOT DETECTED"
            left += not equal
        print(f"{number:3} {mutant.module}: {_changed(mutant)}: {end}", flush=True)
    print(f"{left} neither detected nor proved equal")
    return int(left > 0)


def _changed(mutant: Mutant) -> str:
    """Return what was changed, with a few characters around it."""
    matcher = difflib.SequenceMatcher(None, mutant.before, mutant.after, autojunk=False)
    change = next(iter(matcher.get_grouped_opcodes(12)))
    start, stop, other = change[0][1], change[-1][2], change[-1][4]
    return f"`{mutant.before[start:stop].strip()}` to `{mutant.after[change[0][3] : other].strip()}`"


if __name__ == "__main__":
    sys.exit(main())
