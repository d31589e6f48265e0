"""Cores of a host: out-of-order and in-order RISC-V, as gem5 takes their parameters.

Defaults are those of arXiv 2408.03308 and its artefact (github.com/darchr/gem5-cryo-superconducting, commit a4ecea44).
"""

from typing import Annotated, Literal

from pydantic import Field

from .base import Frozen

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Cycles = Annotated[int, Field(ge=1, le=1000)]


class FunctionalUnitsConfig(Frozen):
    """Number and latencies of the functional units, in cycles of the core. Source: arXiv 2408.03308, artefact."""

    int_units: Count = 2
    """Number of integer units."""
    int_cycles: Cycles = 1
    """Cycles of an integer operation."""
    multiply_cycles: Cycles = 3
    """Cycles of an integer multiplication."""
    divide_cycles: Cycles = 6
    """Cycles of an integer division."""
    read_cycles: Cycles = 2
    """Cycles of a load, without the cache."""
    write_cycles: Cycles = 2
    """Cycles of a store, without the cache."""


class BranchPredictorConfig(Frozen):
    """Parameters of a tournament branch predictor. Source: arXiv 2408.03308, artefact."""

    local_histories: Count = 4096
    """Number of entries in the table of local histories."""
    local_counters: Count = 16384
    """Number of entries in the local predictor."""
    global_counters: Count = 16384
    """Number of entries in the global predictor."""
    choice_counters: Count = 16384
    """Number of entries in the table that chooses between the local and the global predictor."""
    counter_bits: Annotated[int, Field(ge=1, le=16)] = 4
    """Width of each saturating counter in bits."""
    btb_entries: Count = 32
    """Number of entries in the branch target buffer."""
    return_stack_entries: Count = 12
    """Number of entries in the return address stack."""
    indirect_sets: Count = 16
    """Number of sets in the predictor of indirect branch targets."""


class O3Config(Frozen):
    """Parameters of an out-of-order core after CryoCore (Byun et al., ISCA 2020). Source: arXiv 2408.03308,
    artefact."""

    width: Count = 4
    """Instructions that each stage from fetch to commit takes in a cycle."""
    fetch_buffer_bytes: Count = 64
    """Bytes that one access to the instruction cache delivers."""
    fetch_queue_entries: Count = 24
    """Number of instructions that fit between fetch and decode."""
    reorder_entries: Count = 96
    """Number of entries in the reorder buffer: the window in which the core looks ahead."""
    issue_entries: Count = 72
    """Number of entries in the issue queue."""
    load_entries: Count = 24
    """Number of entries in the load queue."""
    store_entries: Count = 24
    """Number of entries in the store queue."""
    int_registers: Count = 180
    """Number of physical integer registers."""
    float_registers: Count = 168
    """Number of physical floating-point registers."""
    vector_registers: Count = 200
    """Number of physical vector registers; gem5 needs them although vectors are disabled."""
    load_ports: Count = 1
    """Number of loads that the data cache accepts in a cycle."""
    store_ports: Count = 1
    """Number of stores that the data cache accepts in a cycle."""
    trap_cycles: Cycles = 13
    """Cycles that a trap takes."""
    pool: Literal["units", "gem5"] = "units"
    """Functional units of the core: the ones that units describes, or gem5's own pool of the out-of-order core (gem5).

    The artefact describes units for this core, too, but under a parameter that gem5's core does not have. Its runs
    therefore use gem5's pool: 6 integer units, 2 units for multiplications and divisions (20 cycles) and 4 units for
    loads and stores (1 cycle).
    """
    units: FunctionalUnitsConfig = FunctionalUnitsConfig()
    """Number and latencies of the functional units."""
    predictor: BranchPredictorConfig = BranchPredictorConfig()
    """Parameters of the branch predictor."""


class MinorConfig(Frozen):
    """Parameters of an in-order core, those of Arm's HPI model. Source: arXiv 2408.03308, artefact."""

    decode_width: Count = 2
    """Number of instructions that decode takes in a cycle."""
    execute_width: Count = 2
    """Number of instructions that execute takes in a cycle."""
    issue_limit: Count = 2
    """Maximum number of instructions that issue in a cycle."""
    commit_limit: Count = 2
    """Maximum number of instructions that commit in a cycle."""
    memory_issue_limit: Count = 1
    """Maximum number of memory instructions that issue in a cycle."""
    memory_commit_limit: Count = 1
    """Maximum number of memory instructions that commit in a cycle."""
    accesses_in_memory: Count = 1
    """Maximum number of accesses that the data cache has not answered yet."""
    request_entries: Count = 1
    """Number of entries in the request queue of the load-store queue."""
    transfer_entries: Count = 2
    """Number of entries in the transfer queue of the load-store queue."""
    store_buffer_entries: Count = 3
    """Number of entries in the store buffer."""
    branch_delay_cycles: Cycles = 2
    """Cycles from the execution of a branch to the new fetch."""
    fetch_backward_cycles: Annotated[int, Field(ge=0, le=1000)] = 0
    """Cycles from fetch 2 back to fetch 1."""
    fetch2_input_entries: Count = 1
    """Number of lines that fit between fetch 1 and fetch 2."""
    decode_input_entries: Count = 2
    """Number of entries that fit between fetch 2 and decode."""
    execute_input_entries: Count = 4
    """Number of entries that fit between decode and execute."""
    units: FunctionalUnitsConfig = FunctionalUnitsConfig()
    """Number and latencies of the functional units."""
    predictor: BranchPredictorConfig = BranchPredictorConfig()
    """Parameters of the branch predictor."""
