"""Run by gem5: out-of-order and in-order RISC-V cores.

Only names that gem5 24.0 and newer releases share are used, but for two that newer ones moved: the issue queue and the
functional units of the out-of-order core became an object of their own, and so did the part of the branch predictor
that guesses directions. Which it is, the classes tell.
"""

from gem5.components.processors.base_cpu_core import BaseCPUCore
from gem5.components.processors.base_cpu_processor import BaseCPUProcessor
from gem5.isas import ISA
from m5 import objects
from m5.objects import (
    FP_ALU,
    BaseCPU,
    DefaultFUPool,
    FP_MultDiv,
    FUDesc,
    FUPool,
    IprPort,
    MinorDefaultFloatSimdFU,
    MinorDefaultIntDivFU,
    MinorDefaultIntFU,
    MinorDefaultIntMulFU,
    MinorDefaultMemFU,
    MinorDefaultMiscFU,
    MinorDefaultPredFU,
    MinorFU,
    MinorFUPool,
    OpDesc,
    PredALU,
    ReturnAddrStack,
    RiscvMinorCPU,
    RiscvO3CPU,
    SIMD_Unit,
    SimpleBTB,
    SimpleIndirectPredictor,
    SrcClockDomain,
    TournamentBP,
)
from m5.objects.BaseMinorCPU import minorMakeOpClassSet

READS = ("MemRead", "FloatMemRead")
WRITES = ("MemWrite", "FloatMemWrite")


def make_processor(host: dict, clock: SrcClockDomain) -> BaseCPUProcessor:
    """Return the cores of a host, all in one clock domain."""
    make = {"o3": make_o3, "minor": make_minor}[host["core"]]
    return BaseCPUProcessor([make_core(make(host[host["core"]]), index, clock) for index in range(host["cores"])])


def make_core(cpu: BaseCPU, index: int, clock: SrcClockDomain) -> BaseCPUCore:
    """Return a core of the standard library around a processor model, in a clock domain, without vectors."""
    core = BaseCPUCore(cpu, ISA.RISCV)
    cpu.cpu_id = index
    cpu.clk_domain = clock
    # It has its instruction set since it is a core; the decoder shares it.
    cpu.isa[0].enable_rvv = False
    return core


def make_predictor(config: dict) -> TournamentBP:
    """Return the tournament predictor."""
    bits = config["counter_bits"]
    directions = TournamentBP(
        localHistoryTableSize=config["local_histories"],
        localPredictorSize=config["local_counters"],
        globalPredictorSize=config["global_counters"],
        choicePredictorSize=config["choice_counters"],
        localCtrBits=bits,
        globalCtrBits=bits,
        choiceCtrBits=bits,
    )
    # Newer releases: a predictor has one of directions; before, it is one.
    holder = objects.BranchPredictor
    predictor = holder(conditionalBranchPred=directions) if "conditionalBranchPred" in holder._params else directions
    predictor.btb = SimpleBTB(numEntries=config["btb_entries"])
    predictor.ras = ReturnAddrStack(numEntries=config["return_stack_entries"])
    predictor.indirectBranchPred = SimpleIndirectPredictor(indirectSets=config["indirect_sets"])
    return predictor


def make_o3_units(config: dict) -> FUPool:
    """Return the functional units of the out-of-order core; units that are not described are gem5's own."""

    def unit(count: int, cycles: int, *classes: str, pipelined: bool = True) -> FUDesc:
        operations = [OpDesc(opClass=name, opLat=cycles, pipelined=pipelined) for name in classes]
        return FUDesc(opList=operations, count=count)

    return FUPool(
        FUList=[
            unit(config["int_units"], config["int_cycles"], "IntAlu"),
            unit(1, config["multiply_cycles"], "IntMult"),
            unit(1, config["divide_cycles"], "IntDiv", pipelined=False),
            unit(1, config["read_cycles"], *READS),
            unit(1, config["write_cycles"], *WRITES),
            FP_ALU(),
            FP_MultDiv(),
            SIMD_Unit(),
            PredALU(),
            IprPort(),
        ]
    )


def make_o3(config: dict) -> RiscvO3CPU:
    """Return an out-of-order core."""
    width = config["width"]
    units = DefaultFUPool() if config["pool"] == "gem5" else make_o3_units(config["units"])
    cpu = RiscvO3CPU(
        fetchWidth=width,
        decodeWidth=width,
        renameWidth=width,
        dispatchWidth=width,
        issueWidth=width,
        wbWidth=width,
        commitWidth=width,
        squashWidth=width,
        fetchBufferSize=config["fetch_buffer_bytes"],
        fetchQueueSize=config["fetch_queue_entries"],
        numROBEntries=config["reorder_entries"],
        LQEntries=config["load_entries"],
        SQEntries=config["store_entries"],
        numPhysIntRegs=config["int_registers"],
        numPhysFloatRegs=config["float_registers"],
        numPhysVecRegs=config["vector_registers"],
        cacheLoadPorts=config["load_ports"],
        cacheStorePorts=config["store_ports"],
        trapLatency=config["trap_cycles"],
        branchPred=make_predictor(config["predictor"]),
    )
    if "instQueues" in RiscvO3CPU._params:
        cpu.instQueues = [objects.IQUnit(numEntries=config["issue_entries"], fuPool=units)]
    else:
        cpu.numIQEntries = config["issue_entries"]
        cpu.fuPool = units
    return cpu


def make_minor_units(config: dict) -> MinorFUPool:
    """Return the functional units of the in-order core; details that are not described are gem5's own."""

    def memory(cycles: int, classes: tuple[str, ...]) -> MinorFU:
        return MinorDefaultMemFU(opClasses=minorMakeOpClassSet(list(classes)), opLat=cycles)

    return MinorFUPool(
        funcUnits=[
            *(MinorDefaultIntFU(opLat=config["int_cycles"]) for _ in range(config["int_units"])),
            MinorDefaultIntMulFU(opLat=config["multiply_cycles"]),
            MinorDefaultIntDivFU(opLat=config["divide_cycles"]),
            memory(config["read_cycles"], READS),
            memory(config["write_cycles"], WRITES),
            MinorDefaultFloatSimdFU(),
            MinorDefaultPredFU(),
            MinorDefaultMiscFU(),
        ]
    )


def make_minor(config: dict) -> RiscvMinorCPU:
    """Return an in-order core."""
    return RiscvMinorCPU(
        decodeInputWidth=config["decode_width"],
        executeInputWidth=config["execute_width"],
        executeIssueLimit=config["issue_limit"],
        executeCommitLimit=config["commit_limit"],
        executeMemoryIssueLimit=config["memory_issue_limit"],
        executeMemoryCommitLimit=config["memory_commit_limit"],
        executeMaxAccessesInMemory=config["accesses_in_memory"],
        executeLSQRequestsQueueSize=config["request_entries"],
        executeLSQTransfersQueueSize=config["transfer_entries"],
        executeLSQStoreBufferSize=config["store_buffer_entries"],
        executeBranchDelay=config["branch_delay_cycles"],
        fetch1ToFetch2BackwardDelay=config["fetch_backward_cycles"],
        fetch2InputBufferSize=config["fetch2_input_entries"],
        decodeInputBufferSize=config["decode_input_entries"],
        executeInputBufferSize=config["execute_input_entries"],
        enableIdling=False,
        executeFuncUnits=make_minor_units(config["units"]),
        branchPred=make_predictor(config["predictor"]),
    )
