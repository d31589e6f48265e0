"""Cores of a host: out-of-order and in-order RISC-V, as gem5 takes their parameters.

Defaults are those of arXiv 2408.03308 and its artefact (github.com/darchr/gem5-cryo-superconducting, commit a4ecea44).
"""

from typing import Annotated, Literal

from pydantic import Field

from .base import Frozen

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Cycles = Annotated[int, Field(ge=1, le=1000)]


class FunctionalUnitsConfig(Frozen):
    """Latencies of functional units, in cycles of the core. Source: arXiv 2408.03308, artefact."""

    int_units: Count = 2
    """Integer units."""
    int_cycles: Cycles = 1
    """An integer operation."""
    multiply_cycles: Cycles = 3
    """An integer product."""
    divide_cycles: Cycles = 6
    """An integer division."""
    read_cycles: Cycles = 2
    """A load, without the cache."""
    write_cycles: Cycles = 2
    """A store, without the cache."""


class BranchPredictorConfig(Frozen):
    """A tournament predictor. Source: arXiv 2408.03308, artefact."""

    local_histories: Count = 4096
    """Entries of the table of local histories."""
    local_counters: Count = 16384
    """Entries of the local predictor."""
    global_counters: Count = 16384
    """Entries of the global predictor."""
    choice_counters: Count = 16384
    """Entries of the table that chooses between them."""
    counter_bits: Annotated[int, Field(ge=1, le=16)] = 4
    """Of each saturating counter."""
    btb_entries: Count = 32
    """Of the branch target buffer."""
    return_stack_entries: Count = 12
    """Of the return address stack."""
    indirect_sets: Count = 16
    """Of the predictor of indirect targets."""


class O3Config(Frozen):
    """An out-of-order core after CryoCore (Byun et al., ISCA 2020). Source: arXiv 2408.03308, artefact."""

    width: Count = 4
    """Instructions a cycle in every stage from fetch to commit."""
    fetch_buffer_bytes: Count = 64
    """Bytes that one access of the instruction cache delivers."""
    fetch_queue_entries: Count = 24
    """Instructions between fetch and decode."""
    reorder_entries: Count = 96
    """Of the reorder buffer: the window that the core looks ahead in."""
    issue_entries: Count = 72
    """Of the issue queue."""
    load_entries: Count = 24
    """Of the load queue."""
    store_entries: Count = 24
    """Of the store queue."""
    int_registers: Count = 180
    """Physical integer registers."""
    float_registers: Count = 168
    """Physical floating-point registers."""
    vector_registers: Count = 200
    """Physical vector registers; gem5 wants them although vectors are disabled."""
    load_ports: Count = 1
    """Loads a cycle into the data cache."""
    store_ports: Count = 1
    """Stores a cycle into the data cache."""
    trap_cycles: Cycles = 13
    """Latency of a trap."""
    pool: Literal["units", "gem5"] = "units"
    """Functional units: those of ``units``, or gem5's own pool of the out-of-order core.

    The artefact describes ``units`` for this core, too, but under a parameter that gem5's core does not have: its runs
    have gem5's pool, of 6 integer units, 2 for products and divisions (20 cycles) and 4 for loads and stores (1 cycle).
    """
    units: FunctionalUnitsConfig = FunctionalUnitsConfig()
    predictor: BranchPredictorConfig = BranchPredictorConfig()


class MinorConfig(Frozen):
    """An in-order core after the parameters of Arm's HPI model. Source: arXiv 2408.03308, artefact."""

    decode_width: Count = 2
    """Instructions that decode takes a cycle."""
    execute_width: Count = 2
    """Instructions that execute takes a cycle."""
    issue_limit: Count = 2
    """Instructions issued a cycle."""
    commit_limit: Count = 2
    """Instructions committed a cycle."""
    memory_issue_limit: Count = 1
    """Memory instructions issued a cycle."""
    memory_commit_limit: Count = 1
    """Memory instructions committed a cycle."""
    accesses_in_memory: Count = 1
    """Accesses that the data cache has not answered yet."""
    request_entries: Count = 1
    """Of the load-store queue's requests."""
    transfer_entries: Count = 2
    """Of the load-store queue's transfers."""
    store_buffer_entries: Count = 3
    """Of the store buffer."""
    branch_delay_cycles: Cycles = 2
    """From execute to a new fetch after a branch."""
    fetch_backward_cycles: Annotated[int, Field(ge=0, le=1000)] = 0
    """From fetch 2 back to fetch 1."""
    fetch2_input_entries: Count = 1
    """Lines between fetch 1 and fetch 2."""
    decode_input_entries: Count = 2
    """Between fetch 2 and decode."""
    execute_input_entries: Count = 4
    """Between decode and execute."""
    units: FunctionalUnitsConfig = FunctionalUnitsConfig()
    predictor: BranchPredictorConfig = BranchPredictorConfig()
