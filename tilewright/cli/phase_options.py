"""Options for the phase of a model, and for the number of its positions or tokens."""

import click

phase_option = click.option(
    "--phase",
    type=click.Choice(["decode", "prefill", "encode"]),
    help="Phase: one token after the others (decode), the prompt (prefill), or all tokens of an encoder (encode). "
    "[default: decode, or encode for an encoder]",
)
CONTEXT = (
    "Number of positions attended to (decode), of prompt tokens (prefill), or of tokens of an encoder. "
    "[default: 1024, or 64 for an encoder]"
)
"""Help of the option ``--context``."""
context_option = click.option("--context", type=int, metavar="NUMBER", help=CONTEXT)
