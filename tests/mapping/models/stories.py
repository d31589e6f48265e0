"""stories260K, a real model beside the checkout."""

from pathlib import Path

from tests.source_files import ROOT

STORIES = next(
    (found for parent in ROOT.parents if (found := parent / "shared" / "models" / "stories260k").is_dir()),
    Path("stories260k"),
)
"""Folder of stories260K, which the project does not carry."""
