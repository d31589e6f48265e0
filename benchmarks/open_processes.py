"""Liberty files of processes that anybody may use, for figures in docs and for tests."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tilewright.base.tools import OSU018, SynthesisTools, Tool

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Process:
    """A process, and its standard cells at one voltage and temperature."""

    about: str
    node_nm: float
    source: str
    files: tuple[Path, ...]
    """Liberty files of the cells; those that are not on this machine are not among them."""
    count: int = 1
    """Number of files that belong together."""
    macros: tuple[Path, ...] = ()
    """Liberty files of SRAM macros that are on this machine."""

    @property
    def complete(self) -> bool:
        """Whether all files are on this machine."""
        return len(self.files) == self.count


def _pdk(pattern: str) -> tuple[Path, ...]:
    """Return files in ``shared/pdk`` beside the checkout, which the project does not carry."""
    for parent in ROOT.parents:
        if (folder := parent / "shared" / "pdk").is_dir():
            return tuple(sorted(folder.glob(pattern)))
    return ()


PROCESSES: Mapping[str, Process] = {
    "osu018": Process(
        about="180 nm, an open set of cells",
        node_nm=180,
        source="Debian's qflow-tech-osu018",
        files=(OSU018,) if OSU018.is_file() else (),
    ),
    "SG13G2": Process(
        about="IHP's 130 nm, which is manufactured",
        node_nm=130,
        source="IHP-GmbH/IHP-Open-PDK, commit 5cccb161, `sg13g2_stdcell_typ_1p20V_25C.lib`; Apache-2.0",
        files=_pdk("sg13g2/sg13g2_stdcell_typ_1p20V_25C.lib"),
        macros=_pdk("sg13g2/RM_IHPSG13_*_typ_1p20V_25C.lib"),
    ),
    "ASAP7": Process(
        about="7 nm, predictive: nobody makes it. The slow corner",
        node_nm=7,
        source="The-OpenROAD-Project/OpenSTA, commit d1b2b396, `test/asap7`, RVT SS; BSD-3-Clause",
        files=_pdk("asap7/asap7sc7p5t_*_RVT_SS_nldm_*.lib*"),
        count=5,
    ),
}


def complete_process(name: str) -> Process:
    """Return a process by its name; end the program with a line about its files if some are not on this machine."""
    process = PROCESSES[name]
    if not process.complete:
        sys.exit(f"{name}: {len(process.files)} of {process.count} liberty files are here; from {process.source}")
    return process


def timing_analyser(tools: SynthesisTools) -> Tool:
    """Return OpenSTA; end the program with a line about it if it is not installed."""
    if not tools.sta:
        sys.exit("OpenSTA is not installed; `tilewright doctor` says how to get it")
    return tools.sta
