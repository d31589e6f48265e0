"""A library of four cells and a clock gate, written in any units: the figures of a design do not depend on them."""

from collections.abc import Iterable
from dataclasses import dataclass

TEMPLATES = """\
  lu_table_template (delay) {
    variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance;
    index_1 ("1, 2, 3, 4");
    index_2 ("1, 2, 3, 4");
  }
  power_lut_template (energy) {
    variable_1 : input_transition_time;
    variable_2 : total_output_net_capacitance;
    index_1 ("1, 2, 3, 4");
    index_2 ("1, 2, 3, 4");
  }
"""
CLOCK_PJ = 0.05
"""Energy of a flip-flop at each edge of its clock."""
GATE_PJ = 0.02
CLOCK_GATE_PJ = 0.03
"""Energy of a clock gate at each edge of its clock, whether it passes or not."""
LEAKAGE_NW = 0.4
"""Leakage of a cell."""
VOLTAGE = 1.5


SLEWS_NS = (0.01, 0.1, 1, 2)
LOADS_PF = (0.001, 0.01, 0.1, 1)


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.9g}" for value in values)


@dataclass(frozen=True, kw_only=True)
class SmallLibrary:
    """An inverter, a NAND, a buffer and a flip-flop with tables; text in the units that are asked for.

    ``ICG`` among the cells is a clock gate, with an input for tests.
    """

    name: str = "small"
    time: tuple[str, float] = ("1ns", 1.0)
    """Unit of time and its length in ns."""
    capacitance: tuple[str, float] = ("1, pf", 1.0)
    """Unit of capacitance and its size in pF."""
    leakage: tuple[str, float] = ("1nW", 1.0)
    """Unit of leakage and its size in nW."""
    cells: tuple[str, ...] = ("INV", "NAND", "BUF", "DFF")
    with_internal_power: bool = True
    with_leakage: bool = True

    def header(self) -> str:
        """Return the attributes of the library, without its templates."""
        return f"""\
library ({self.name}) {{
  delay_model : table_lookup;
  time_unit : "{self.time[0]}";
  voltage_unit : "1V";
  capacitive_load_unit ({self.capacitance[0]});
  leakage_power_unit : "{self.leakage[0]}";
  nom_process : 1;
  nom_voltage : {VOLTAGE};
  nom_temperature : 85;
  slew_lower_threshold_pct_rise : 20;
  slew_lower_threshold_pct_fall : 20;
  slew_upper_threshold_pct_rise : 80;
  slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50;
  input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50;
  output_threshold_pct_fall : 50;
  default_max_transition : {self._ns(2)};
"""

    def text(self) -> str:
        """Return the library."""
        inside = "".join(getattr(self, f"_{cell.lower()}")() for cell in self.cells)
        return f"{self.header()}{TEMPLATES}{inside}}}\n"

    def _ns(self, ns: float) -> float:
        return ns / self.time[1]

    def _pf(self, pf: float) -> float:
        return pf / self.capacitance[1]

    def _table(self, kind: str, template: str, base: float, slope: float) -> str:
        """Return a table of ``base + slope x load``, from loads of 0 to 1 pF."""
        row = _numbers(base + slope * load for load in LOADS_PF)
        rows = ", ".join([f'"{row}"'] * len(SLEWS_NS))
        slews, loads = _numbers(map(self._ns, SLEWS_NS)), _numbers(map(self._pf, LOADS_PF))
        return f'{kind} ({template}) {{ index_1 ("{slews}"); index_2 ("{loads}"); values ({rows}); }}\n'

    def _timing(self, pin: str, sense: str, ns: float, kind: str = "combinational") -> str:
        tables = "".join(
            self._table(table, "delay", self._ns(base), self._ns(slope))
            for table, base, slope in (
                ("cell_rise", ns, 2), ("cell_fall", ns, 2), ("rise_transition", 0.05, 1), ("fall_transition", 0.05, 1),
            )
        )  # fmt: skip
        return f'timing () {{ related_pin : "{pin}"; timing_sense : {sense}; timing_type : {kind};\n{tables}}}\n'

    def _energy(self, pin: str, pj: float) -> str:
        """Return energies in the unit that the other units make: capacitance x voltage squared."""
        if not self.with_internal_power:
            return ""
        tables = "".join(self._table(f"{edge}_power", "energy", self._pf(pj), 0) for edge in ("rise", "fall"))
        return f'internal_power () {{ related_pin : "{pin}";\n{tables}}}\n'

    def _input(self, name: str, more: str = "") -> str:
        return f"pin ({name}) {{ direction : input; capacitance : {self._pf(0.01)}; {more}}}\n"

    def _cell(self, name: str, area: float, inside: str) -> str:
        leakage = f"cell_leakage_power : {LEAKAGE_NW / self.leakage[1]};" if self.with_leakage else ""
        return f"  cell ({name}) {{ area : {area}; {leakage}\n{inside}}}\n"

    def _gate(self, name: str, area: float, inputs: str, function: str, sense: str) -> str:
        pins = "".join(self._input(pin) for pin in inputs)
        arcs = "".join(self._timing(pin, sense, 0.1 * area) + self._energy(pin, GATE_PJ) for pin in inputs)
        output = f'pin (Y) {{ direction : output; max_capacitance : {self._pf(1)}; function : "{function}";\n{arcs}}}\n'
        return self._cell(name, area, pins + output)

    def _inv(self) -> str:
        return self._gate("INV", 1, "A", "(A')", "negative_unate")

    def _nand(self) -> str:
        return self._gate("NAND", 1.5, "AB", "!(A B)", "negative_unate")

    def _buf(self) -> str:
        return self._gate("BUF", 2, "A", "A", "positive_unate")

    def _edges(self, pj: float) -> str:
        """Return the attributes of an input that takes energy at each edge of the clock."""
        edges = "".join(f'{edge}_power (scalar) {{ values ("{self._pf(pj)}"); }}\n' for edge in ("rise", "fall"))
        return f"clock : true; internal_power () {{\n{edges}}}\n" if self.with_internal_power else "clock : true; "

    def _icg(self) -> str:
        table = "".join(("L L L : - : L, ", "L L H : - : H, ", "L H L : - : H, ", "L H H : - : H, ", "H - - : - : N"))
        output = (
            f"pin (GCK) {{ direction : output; clock_gate_out_pin : true; max_capacitance : {self._pf(1)}; "
            f'state_function : "CK * inside";\n{self._timing("CK", "positive_unate", 0.1)}{self._energy("CK", GATE_PJ)}}}\n'
        )
        inside = (
            "clock_gating_integrated_cell : latch_posedge_precontrol; dont_use : true;\n"
            f'statetable ("CK EN TE", "inside") {{ table : "{table}"; }}\n'
            'pin (inside) { direction : internal; internal_node : "inside"; }\n'
            + self._input("CK", f"clock_gate_clock_pin : true; {self._edges(CLOCK_GATE_PJ)}")
            + self._input("EN", "clock_gate_enable_pin : true;")
            + self._input("TE", "clock_gate_test_pin : true;")
            + output
        )
        return self._cell("ICG", 4, inside)

    def _dff(self) -> str:
        output = (
            f'pin (Q) {{ direction : output; max_capacitance : {self._pf(1)}; function : "IQ";\n'
            f"{self._timing('CK', 'non_unate', 0.2, 'rising_edge')}}}\n"
        )
        state = 'ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; }\n'
        return self._cell("DFF", 6, state + self._input("CK", self._edges(CLOCK_PJ)) + self._input("D") + output)
