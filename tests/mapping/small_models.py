"""A model and a system that tests of the mapper share."""

from tilewright.mapping.models import load_model
from tilewright.sim.config import load_system

LLAMA = load_model("llama-3.2-1b")
EDGE = load_system("edge-int4")
THIN = LLAMA.model_copy(update={"num_hidden_layers": 2, "vocab_size": 4096})
"""Llama-3.2-1B with fewer layers and logits, for tests that do not need all of them."""
