"""stories260K, a real model beside the checkout."""

from pathlib import Path

import pytest

from tests.source_files import ROOT

STORIES = next(
    (found for parent in ROOT.parents if (found := parent / "shared" / "models" / "stories260k").is_dir()),
    Path("stories260k"),
)
"""Folder of stories260K, which the project does not carry."""

NEEDS_STORIES = pytest.mark.skipif(
    not STORIES.is_dir(), reason="stories260K is not there: shared/models/stories260k beside the checkout"
)
"""Mark of tests that read it."""
