"""Coverage of starts of the NPE: descriptors, errors, counters, channels."""

from dataclasses import asdict

from tilewright.bench.npe_jobs import Image, ImageBuilder
from tilewright.bench.register_port import SLVERR
from tilewright.bench.timing import NEAR, Timing
from tilewright.cocotb_tests.coverage.fields import FieldPoint
from tilewright.cocotb_tests.coverage.points import Coverage
from tilewright.cocotb_tests.harness.axi_contract import CHANNELS
from tilewright.cocotb_tests.npe.cases import Case
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, Mode, SumFormat
from tilewright.sim.isa.descriptor import ADDRESSES, SIZES, STRIDES, Activation, Along, Descriptor, check_start
from tilewright.sim.isa.npe_registers import REGISTER_WORD, NpeError, ReadStream, Register
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.npe import values
from tilewright.sim.machine.npe.npe import NpeModel

ENDS = "ends of starts"
WORDS = "words at fault"
STREAMS = "reads that memory refuses"
COUNTERS = "counters above 0"
CHANNEL_WAITS = "channels that wait at random"
FORMATS = "format of A and B x format of C"
EPILOGUES = "scale x bias x activation"
REDUCTIONS = "transposed x sum x squares x maximum"
READ_ERRORS = (NpeError.READ_SLVERR, NpeError.READ_DECERR)


class JobCoverage:
    """Coverage of starts of NPEs of any configuration.

    Members
    -------
    coverage : Coverage
    """

    def __init__(self) -> None:
        self.coverage = coverage = Coverage()
        self.descriptors = FieldPoint(coverage, "descriptors", Descriptor)
        coverage.declare(FORMATS, (f"{a.label} x {c.label}" for a in Mode for c in (*Mode, SumFormat.FP32)))
        coverage.declare(FORMATS, (f"{a.label} x {SumFormat.INT32.label}" for a in INTEGER_MODES))
        coverage.declare(
            EPILOGUES, (f"{s.name} x {b.name} x {f.name}" for s in Along for b in Along for f in Activation)
        )
        coverage.declare(REDUCTIONS, (" x ".join(f"{code:04b}") for code in range(16)))
        coverage.declare(ENDS, (error.name for error in NpeError))
        words = {name: field.word for name, field in Descriptor.FIELDS.items()}
        last = Descriptor.FIELDS["unused"]
        fields = [0, *(words[name] for name in SIZES), *range(last.word, last.word + last.bits // 32)]
        faults = {
            NpeError.FIELD: fields,
            NpeError.ALIGNMENT: [*(words[name] for name in (*ADDRESSES, *STRIDES)), REGISTER_WORD],
            NpeError.RANGE: [*(words[name] for name in ADDRESSES), REGISTER_WORD],
        }
        coverage.declare(WORDS, (f"{error.name}, {word}" for error, found in faults.items() for word in found))
        coverage.declare(STREAMS, (f"{error.name}, {stream.name}" for error in READ_ERRORS for stream in ReadStream))
        coverage.declare(COUNTERS, (register.name for register in Register if register.counts))
        coverage.declare(CHANNEL_WAITS, CHANNELS)

    def sample_case(self, config: NpeConfig, case: Case, memory_bytes: int) -> None:
        """Count what a start that ends well does."""
        image = ImageBuilder(config, case.seed).build(case.jobs)
        self.sample(config, image, memory_bytes, timing=case.timing)
        for channel, share in zip(CHANNELS, case.shares, strict=True):
            self.coverage.hit(CHANNEL_WAITS, channel, share > 0)

    def sample(
        self,
        config: NpeConfig,
        image: Image,
        memory_bytes: int,
        *,
        address: int | None = None,
        count: int | None = None,
        timing: Timing = NEAR,
        bad_address: int | None = None,
        bad_response: int = SLVERR,
    ) -> None:
        """Count what a start does up to its end, or to the first job that is refused.

        Parameters
        ----------
        image : Image
            Memory with descriptors.
        memory_bytes : int
            Size of memory; the image may be smaller.
        address, count : int, optional
            Contents of DESCRIPTOR and COUNT; those of the image if not given.
        bad_address, bad_response : int
            Byte that memory answers with an error, and the response.
        """
        address = image.address if address is None else address
        problem = check_start(config, address, len(image.descriptors) if count is None else count)
        done: list[Descriptor] = []
        for descriptor in () if problem else image.descriptors:
            place = address + len(done) * DESCRIPTOR_BYTES
            bad = memory_bytes, bad_address, bad_response
            problem = values.read_error(place, DESCRIPTOR_BYTES, ReadStream.DESCRIPTOR, *bad)
            problem = problem or descriptor.check(config) or values.memory_error(config, descriptor, *bad)
            if problem:
                break
            done.append(descriptor)
        for descriptor in done:
            self._done(descriptor)
        error, detail = problem or (NpeError.NONE, 0)
        self.coverage.hit(ENDS, error.name)
        if error in (NpeError.FIELD, NpeError.ALIGNMENT, NpeError.RANGE):
            self.coverage.hit(WORDS, f"{error.name}, {detail}")
        if error in READ_ERRORS:
            self.coverage.hit(STREAMS, f"{error.name}, {ReadStream(detail).name}")
        if not problem:
            run = NpeModel(config, AxiMemoryModel(**asdict(timing))).run(address, done)
            for register in (register for register in Register if register.counts):
                self.coverage.hit(COUNTERS, register.name, getattr(run, register.name.lower()) > 0)

    def _done(self, job: Descriptor) -> None:
        self.descriptors.sample(job.to_fields())
        a, c, _ = job.formats
        self.coverage.hit(FORMATS, f"{a.label} x {c.label}")
        epilogue = Along(job.scale), Along(job.bias), Activation(job.activation)
        self.coverage.hit(EPILOGUES, " x ".join(each.name for each in epilogue))
        self.coverage.hit(REDUCTIONS, f"{job.transpose} x {job.sum} x {job.squares} x {job.maximum}")
