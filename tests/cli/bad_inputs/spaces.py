"""Spaces, studies and schedulers of `explore`."""

from pathlib import Path

from tests.cli.bad_inputs.case import Case, case

EXPLORE = "explore llama-3.2-1b --space s.toml"
FIELDS = 'base = "tiny"\n[fields]\n"cim.tiles" = [1, 2]\n'


def _space(name: str, text: str, *says: str, command: str = EXPLORE) -> Case:
    return case(name, command, *says, files={"s.toml": text})


def _field(name: str, field: str, *says: str) -> Case:
    """Return the case of a space with one more field, in line 4."""
    return _space(name, f"{FIELDS}{field}\n", "s.toml:4: ", *says)


def _text(folder: Path) -> None:
    (folder / "study").write_text("a text")


CASES = (
    case("no space", "explore llama-3.2-1b", "Missing option '--space'"),
    case("a space that is not there", EXPLORE, "s.toml: cannot be read: No such file or directory"),
    _space("an empty space", "", "s.toml: 'base' is missing"),
    _space("a space without fields", 'base = "tiny"', "s.toml: 'fields' is missing"),
    _space("a space with a table of no fields", 'base = "tiny"\n[fields]', "s.toml:2: fields = {} is not allowed"),
    _space("a misspelt key of a space", f"{FIELDS}[objectivs]\nlatency_s = 1", "s.toml:4: unknown key 'objectivs'", "did you mean 'objectives'?"),
    _space("a base that is not there", FIELDS.replace("tiny", "tinny"), "s.toml:1: base = 'tinny': unknown system 'tinny'", "did you mean 'tiny'?"),
    _field("a misspelt field", '"cim.tils" = [1]', "unknown field 'cim.tils'", "did you mean 'tiles'?"),
    _field("a field that is a part", '"cim.tile" = [1]', "cim.tile is not allowed: it is a part"),
    _field("a field below a number", '"clock_mhz.x" = [1]', "unknown field 'clock_mhz.x': 'clock_mhz' has no fields"),
    _field("a field without values", '"vector.lanes" = []', "vector.lanes = [] is not allowed: it must have a value"),
    _field("a field with one number", '"vector.lanes" = 4', "vector.lanes = 4 is not allowed", "a list of values, { from, to, step }"),
    _field("a value twice", '"vector.lanes" = [4, 4]', "vector.lanes = 4 is there twice"),
    _field("a value that the field does not allow", '"vector.lanes" = [4, 5]', "vector.lanes = 5 is not allowed", "32 or 64"),
    _field("a value beyond the range", '"clock_mhz" = [0]', "clock_mhz = 0 is not allowed", "equal to 1"),
    _field("a text among numbers", '"memory.latency_ns" = [1, "x"]', "memory.latency_ns = 'x' is not allowed", "number"),
    _field("a list in a list", '"vector.lanes" = [[4]]', "vector.lanes = [4] is not allowed: it must be a number or a text"),
    _field("truth for a number", '"clock_mhz" = [true]', "clock_mhz = True is not allowed: it must be a number or a text"),
    _field("an empty range", '"clock_mhz" = { from = 9, to = 3, step = 1 }', "clock_mhz: to = 3 is not allowed: the range from 9 is empty"),
    _field("a range without a step", '"clock_mhz" = { from = 1, to = 3 }', "clock_mhz: a range must have step or powers_of"),
    _field("a range with two steps", '"clock_mhz" = { from = 1, to = 3, step = 1, powers_of = 2 }', "step or powers_of, and not both"),
    _field("a range without an end", '"clock_mhz" = { from = 1, step = 3 }', "clock_mhz: 'to' is missing"),
    _field("a misspelt key of a range", '"clock_mhz" = { from = 1, to = 3, stp = 1 }', "clock_mhz: unknown key 'stp'"),
    _field("a step of nothing", '"clock_mhz" = { from = 1, to = 3, step = 0 }', "step = 0 is not allowed", "greater than 0"),
    _field("powers of one", '"clock_mhz" = { from = 1, to = 3, powers_of = 1 }', "powers_of = 1 is not allowed", "equal to 2"),
    _field("a range without a power", '"clock_mhz" = { from = 5, to = 7, powers_of = 2 }', "no power of 2 lies from 5 to 7"),
    _field("a million values", '"clock_mhz" = { from = 1, to = 1_000_000, step = 1 }', "clock_mhz has 1,000,000 values: at most 100,000"),
    _field("a formula that is none", '"fabric.bus_bits" = "cim.tiles **"', "fabric.bus_bits = 'cim.tiles **' is not allowed", "formula"),
    _field("a formula that calls", '"fabric.bus_bits" = "__import__(1)"', "'__import__(1)' is no part of a formula", "min() and max()"),
    _field("a formula of an unknown field", '"fabric.bus_bits" = "cim.tils * 32"', "unknown field 'cim.tils'", "did you mean 'tiles'?"),
    _field("a formula of a text", '"fabric.bus_bits" = "name * 2"', "'name' is no whole number"),
    _field("a formula of itself", '"fabric.bus_bits" = "fabric.bus_bits"', "formulas depend on themselves", "fabric.bus_bits"),
    _space("a formula that divides by zero", FIELDS + '"fabric.bus_bits" = "64 // (cim.tiles - 1)"', "fields.fabric.bus_bits = '64 // (cim.tiles - 1)' is not allowed: it divides by zero"),
    _space("formulas alone", 'base = "tiny"\n[fields]\n"fabric.bus_bits" = "64"\n', "s.toml:2: fields has formulas alone"),
    _space("a field of no end of designs", FIELDS + "".join(f'"{path}" = {{ from = 1, to = 100000, step = 1 }}\n' for path in ("clock_mhz", "memory.bandwidth_mb_per_s", "memory.latency_ns", "memory.refresh.interval_ns")), "combinations: at most 2^62"),
    _space("an objective that does not exist", f"{FIELDS}[objectives]\nlatency = 1", "s.toml:5: objectives.latency: 'latency' is not an objective", "did you mean 'latency_s'?"),
    _space("an area without a process", f"{FIELDS}[objectives]\narea_mm2 = 1", "s.toml:5: objectives.area_mm2 is not allowed: 'tiny' names no process", "fields.process"),
    _space("an objective without weight", f"{FIELDS}[objectives]\nlatency_s = 0", "s.toml:5: objectives.latency_s = 0 is not allowed"),
    _space("no objectives", f"{FIELDS}[objectives]", "objectives = {} is not allowed"),
    _space("a constraint that does not exist", f"{FIELDS}[constraints]\nsize = {{ at_most = 1 }}", "s.toml:5: constraints.size: 'size' is not an objective"),
    _space("an empty constraint", f"{FIELDS}[constraints]\nlatency_s = {{}}", "s.toml:5: constraints.latency_s is empty: it must have at_most or at_least"),
    _space("a method that does not exist", f'{FIELDS}[search]\nmethod = "annealing"', "s.toml:5: search.method = 'annealing' is not allowed", "'exhaustive', 'nsga2' or 'bounds'"),
    _space("no model", FIELDS, "s.toml: no model: name one", command="explore --space s.toml"),
    _space("models in two ways", f'{FIELDS}[[models]]\nmodel = "llama-3.2-1b"', "models = llama-3.2-1b, ... is not allowed"),
    _space("a model of a space that does not exist", f'{FIELDS}[[models]]\nmodel = "lama"', "s.toml:4: models.0: unknown model 'lama'", command="explore --space s.toml"),
    _space("a context beyond the model's", FIELDS, "context = 9999999", command=f"{EXPLORE} --context 9999999"),
    _space("no workers", FIELDS, "'--workers': 0", command=f"{EXPLORE} --workers 0"),
    _space("a scheduler that is no address", FIELDS, "--scheduler = nonsense does not answer", command=f"{EXPLORE} --scheduler nonsense"),
    case("a study that is none", f"{EXPLORE} --study study", "study: is no study of `tilewright explore`", files={"s.toml": FIELDS}, prepare=_text),
    case("a study that is a folder", f"{EXPLORE} --study .", ".: is no study: it must be a regular file", files={"s.toml": FIELDS}),
    case("a study in no folder", f"{EXPLORE} --study no/study", "no/study: the study cannot be written", files={"s.toml": FIELDS}),
)  # fmt: skip
