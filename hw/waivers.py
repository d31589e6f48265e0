"""Rules of Verilator's lint that generated Verilog breaks by its form, and the file that waives them."""

WAIVED = {
    "DECLFILENAME": "A file contains all modules of a design.",
    "PROCASSINIT": "Registers have a power-up value besides their reset, for FPGAs.",
    "UNUSEDSIGNAL": "Every signal of the gateware keeps its name, and not all bits of a sum or a field are used.",
    "WIDTHEXPAND": "Operands have the widths of their signals; Verilog extends them to the width of the result.",
    "WIDTHTRUNC": "`! word` stands for `word == 0`.",
}
"""Why each rule is waived. The same rules suffice for every block; no other rule may be broken."""


WAIVED_IN_BUILDS = {
    "UNOPTFLAT": "The fields of a structure are one signal, and some of them depend on others.",
}
"""Why further rules are waived that Verilator checks only when it builds a model; they cost speed and nothing else."""


def waivers(file: str = "*.v", *, builds: bool = False) -> str:
    """Return a configuration file for Verilator that waives the rules in a file, whose name is a pattern.

    ``builds`` adds the rules of builds.
    """
    waived = WAIVED | (WAIVED_IN_BUILDS if builds else {})
    rules = [f'lint_off -rule {rule} -file "{file}"  // {reason}' for rule, reason in waived.items()]
    return "\n".join(["`verilator_config", *rules, ""])
