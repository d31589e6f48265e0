"""A liberty file of one SRAM macro, written in any units, as IHP's files describe theirs."""

from dataclasses import dataclass

from tests.hw.synth.small_library import VOLTAGE


@dataclass(frozen=True, kw_only=True)
class SmallMacro:
    """A macro with a read port A and a write port B, or one port for both; figures in ns, pJ and nW."""

    name: str = "RAM"
    address_bits: int = 4
    width: int = 8
    two_ports: bool = True
    mask: bool = False
    area: float = 100
    leakage_nw: float | None = 7
    read_pj: float = 3
    write_pj: float = 5
    setup_ns: float = 0.25
    access_ns: float = 2
    time: tuple[str, float] = ("1ns", 1.0)
    capacitance: tuple[str, float] = ("1, pf", 1.0)
    voltage: float = VOLTAGE
    energies_named: bool = True
    """Whether the conditions of the energies name pins that end with REN and WEN."""

    def text(self) -> str:
        """Return the file."""
        ports = (
            (self._port("A", True, False) + self._port("B", False, True))
            if self.two_ports
            else self._port("A", True, True)
        )
        leakage = "" if self.leakage_nw is None else f"cell_leakage_power : {self.leakage_nw};"
        return f"""\
library (macros_{self.name}) {{
  time_unit : "{self.time[0]}";
  voltage_unit : "1V";
  capacitive_load_unit ({self.capacitance[0]});
  leakage_power_unit : "1nW";
  nom_process : 1;
  nom_voltage : {self.voltage};
  nom_temperature : 85;
  slew_lower_threshold_pct_rise : 30;
  cell ({self.name}) {{
    memory () {{ type : ram; address_width : {self.address_bits}; word_width : {self.width}; }}
    area : {self.area}; {leakage}
{ports}  }}
}}
"""

    def _port(self, port: str, reads: bool, writes: bool) -> str:
        clock, energies = f"{port}_CLK", ""
        for read, write, pj in ((1, 0, self.read_pj), (0, 1, self.write_pj), (1, 1, 9), (0, 0, 0)):
            names = ("REN", "WEN") if self.energies_named else ("RD", "WR")
            when = " & ".join(
                f"{'' if on else '!'}{port}_{name}" for on, name in zip((read, write), names, strict=True)
            )
            # A rising edge takes two thirds.
            unit_pj = self.capacitance[1]
            rise, fall = 2 * pj / 3 / unit_pj, pj / 3 / unit_pj
            energies += (
                f'internal_power () {{ when : "{port}_MEN & {when}"; rise_power (scalar) {{ values ({rise}); }} '
                f"fall_power (scalar) {{ values ({fall}); }} }}\n"
            )
        setup = (
            f'timing () {{ timing_type : setup_rising; related_pin : "{clock}"; rise_constraint (t) '
            f'{{ values ("{self.setup_ns / self.time[1]}, 9", "9, 9"); }} }}'
        )
        delay = (
            f'timing () {{ timing_type : rising_edge; related_pin : "{clock}"; cell_rise (t) '
            f'{{ values ("{self.access_ns / self.time[1]}, 99"); }} }}'
        )
        mask = f"bus ({port}_BM) {{ bus_type : word; direction : input; }}\n" if self.mask and writes else ""
        data = (
            f"bus ({port}_DIN) {{ bus_type : word; direction : input; memory_write () {{ address : {port}_ADDR; }} }}\n"
            if writes
            else ""
        )
        word = (
            f"bus ({port}_DOUT) {{ bus_type : word; direction : output; memory_read () {{ address : {port}_ADDR; }} "
            f"{delay} }}\n"
            if reads
            else ""
        )
        test = f"bus ({port}_BIST_DIN) {{ bus_type : word; direction : input; memory_write () {{ address : {port}_BIST_ADDR; }} }}\n"
        return (
            f"pin ({clock}) {{ direction : input; clock : true;\n{energies}}}\n"
            f"bus ({port}_ADDR) {{ bus_type : place; direction : input; {setup} }}\n{data}{word}{mask}{test}"
        )
