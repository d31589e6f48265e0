"""Prints what a text took that a model has written."""

from typing import TYPE_CHECKING

from tilewright.base.tables import terminal_table
from tilewright.base.terminal import styled

if TYPE_CHECKING:
    from rich.console import Console

    from tilewright.mapping.written import WrittenText

REASONS = {"tokens": "", "end of text": "; its last token ends the text", "capacity": "; the cache is full"}


def print_text(console: "Console", text: "WrittenText") -> None:
    """Print tokens, cycles, rates, bounds and energy of a text; of RTL, also what differs from the exact model."""
    clock = text.system.clock_mhz
    table = terminal_table(("what", ">value", "of"), title=f"{text.model} on {text.system.name}", fold=("what", "of"))
    written = len(text.tokens)
    table.add_row("tokens", f"{written:,}", f"after a prompt of {len(text.prompt_tokens):,}{REASONS[text.stop]}")
    table.add_row("cycles", f"{text.model_cycles:,}", f"{len(text.programs):,} programs on the exact model")
    if text.rtl:
        table.add_row("cycles in RTL", f"{text.rtl_cycles:,}", "the same programs in Verilator")
        table.add_row("bytes that differ", f"{text.mismatches:,}", "all of memory after each program")
    table.add_row("first token after", f"{text.first_token_s * 1e3:,.3f} ms", f"the prompt, at {clock:g} MHz")
    of = "tokens after the first one" if written > 1 else "the prompt"
    table.add_row("tokens/s", f"{text.tokens_per_s:,.1f}", of)
    table.add_row("bound / run", f"{text.bound_fraction:.1%}", "largest bound of each program")
    joules, per_j = text.energy_range_j, text.tokens_per_j
    table.add_row("energy", f"{joules.mid * 1e3:,.3f} mJ", f"{joules.low * 1e3:,.3f} to {joules.high * 1e3:,.3f} mJ")
    table.add_row("tokens/J", f"{per_j.mid:,.1f}", f"{per_j.low:,.1f} to {per_j.high:,.1f}, the prompt included")
    if compared := text.comparison:
        where = f"{compared.tokens:,} tokens, read by both"
        table.add_row("agreement with float64", f"{compared.agreement:.2%}", f"most probable next token, {where}")
        table.add_row("perplexity", f"{compared.perplexity:,.3f}", f"{compared.float_perplexity:,.3f} in float64")
        first = compared.first_divergence
        table.add_row("first divergence", "none" if first is None else f"{first:,}", "position in this text")
        table.add_row("least cosine of a layer", f"{min(compared.layer_cosines):.5f}", "mean over the tokens")
    console.print(table)
    for row in text.programs:
        if row.found:
            console.print(styled((f"{row.name}: {row.found}", "red")))
