"""Lets models write texts on the exact model of an accelerator, or in RTL beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tilewright.api.cosim import find_tools, writable_folder
from tilewright.api.systems import system_of
from tilewright.base.errors import ConfigError
from tilewright.bench.golden import predict_program
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite
from tilewright.cocotb_tests.accelerator.text_suite import TextJob, text_suite, write_in_rtl
from tilewright.cocotb_tests.harness.signal_list import signal_list_of
from tilewright.cocotb_tests.harness.wave_format import format_of, wave_format
from tilewright.mapping.fit import check_fit
from tilewright.mapping.lower.comparison import compare
from tilewright.mapping.models.readers import Checkpoint, read_model
from tilewright.mapping.models.reference import Tensors
from tilewright.mapping.models.sampling import Sampling
from tilewright.mapping.models.tokenizer import Tokenizer
from tilewright.mapping.writing import Stop, Writer
from tilewright.mapping.written import ProgramRow, WrittenText
from tilewright.sim.config import System
from tilewright.sim.graph.precision import Precision
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

TOKENS = 64
"""Number of tokens that are written unless another is asked for."""
UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""Character in place of the bytes of a character whose last token is not written yet."""


def generate_text(
    model: str | Path,
    prompt: str = "",
    *,
    system: str | Path | System = "edge-int8",
    tokens: int = TOKENS,
    sampling: Sampling | None = None,
    capacity: int | None = None,
    chat: bool = False,
    equalise: bool = True,
    finest: bool = False,
    plan: str | Path | None = None,
    rtl: bool = False,
    timeline: bool = False,
    waves: str | Path | None = None,
    compare_with: str | None = None,
    on_text: Callable[[str], None] | None = None,
) -> WrittenText:
    """Let a model write a text after a prompt, as ``tilewright run`` does.

    One set of programs is compiled for all tokens; their cycles are exact. With ``rtl``, all programs run in one
    simulation of the accelerator's Verilog, each next token is chosen from the logits in the memory of the RTL, and
    after each program all of memory and all counters are compared with the exact model; the text ends where they
    differ.

    Parameters
    ----------
    model : str or Path
        Folder, GGUF file or checkpoint of llama2.c with the weights of a decoder and a tokenizer, or the name of a
        shipped model that has weights.
    prompt : str
        Text to go on with.
    system : str, Path or System
        System that runs the model; its array decides the format of the weights.
    tokens : int
        Number of tokens to write, at least 1; a token that ends a text ends it before.
    sampling : Sampling, optional
        Rule by which tokens are chosen; by default the most probable one.
    capacity : int, optional
        Number of positions for which the cache has room; by default prompt and tokens.
    chat : bool
        Whether the prompt is the first message of a chat, which the model's own template turns into a text.
    equalise : bool
        Whether columns of weights are equalised, and offsets added to keys, from what the float64 reference makes of
        typical texts: it computes the same, and loses less when activations become INT8. An INT8 array then also has
        inputs of products in parts with scales of their own, and FP32 numbers in attention.
    finest : bool
        Whether the inputs of all products but ``o`` have such parts, and activations are FP32, which loses the least;
        prompts of large models take more cycles.
    plan : str or Path, optional
        File of a plan of :func:`precision`, whose rounded weights take the place of the model's; the array must have
        the format and the scales of the plan. Columns of weights are not equalised then.
    timeline : bool
        Whether the result has a timeline of each program.
    waves : str or Path, optional
        Folder for the wave file of the simulation; needs ``rtl``.
    compare_with : str, optional
        Text on which the arithmetic is compared with the float64 reference; an empty one stands for prompt and text.
    on_text : callable, optional
        Gets each piece of text as it comes.

    Raises
    ------
    ConfigError
        If the model cannot be read or has no tokenizer, the prompt is too long, the system cannot run the model, or a
        tool is missing; names what is wrong and what is allowed.
    BenchError
        If a program does not end in RTL, or breaks a rule of the bus.
    """
    text = prepare_text(
        model, prompt, system=system, tokens=tokens, sampling=sampling, capacity=capacity, chat=chat, equalise=equalise,
        finest=finest, plan=plan,
    )  # fmt: skip
    if rtl:
        simulation = text.simulation(waves)
        simulation.suite.build(waves=format_of(simulation.waves) if simulation.waves else None)
        written = text.write_in_rtl(simulation, timeline=timeline, on_text=on_text)
    elif waves is not None:
        raise ConfigError("waves is not allowed without rtl: the exact model has no signals")
    else:
        written = text.write(timeline=timeline, on_text=on_text)
    return written if compare_with is None else text.compared(written, compare_with)


@dataclass(frozen=True)
class Simulation:
    """A simulation that can write a text."""

    suite: AcceleratorSuite
    waves: Path | None
    """Wave file to write."""


@dataclass
class PreparedText:
    """A text that is ready to be written; :func:`prepare_text` makes it."""

    name: str
    """Name of the model: what was asked for."""
    prompt: str
    job: TextJob
    tokenizer: Tokenizer
    tensors: Tensors
    """Tensors of the float64 reference."""
    writer: Writer
    chat: bool = False
    """Whether the prompt is a message of a chat."""

    def write(self, *, timeline: bool = False, on_text: Callable[[str], None] | None = None) -> WrittenText:
        """Write the text on the exact model.

        Raises
        ------
        RuntimeError
            If a program is stopped by an error, which no compiled program is.
        """
        writer, pieces, rows = self.writer, _Pieces(self.tokenizer, self.job.prompt, on_text), []
        model = AcceleratorModel(self.job.system.accelerator, writer.image())
        for start in writer.starts():
            writer.write(model.memory, start)
            run = predict_program(model, start.program.program_address, self.job.timing, timeline=timeline)
            if run.error:
                raise RuntimeError(f"{run.error.name} at command {run.index} of {start.name}")
            token = writer.take(model.memory, start)
            rows.append(ProgramRow.of(self.job.system, start, run, token, timeline=timeline))
            if token is not None:
                pieces.add(token)
        return self._written(rows, writer.stop, rtl=False)

    def simulation(self, waves: str | Path | None = None) -> Simulation:
        """Return the simulation that can write the text, with a wave file in the folder ``waves``, if there is one.

        Raises
        ------
        ConfigError
            If a tool is missing, the folder cannot be written, or the bench's memory does not have the system's timing.
        """
        find_tools()
        suite = text_suite(self.job, self.writer.memory_bytes)
        if waves is None:
            return Simulation(suite, None)
        return Simulation(suite, writable_folder("waves", waves) / f"text.{wave_format()}")

    def write_in_rtl(
        self, simulation: Simulation, *, timeline: bool = False, on_text: Callable[[str], None] | None = None
    ) -> WrittenText:
        """Write the text in RTL beside the exact model; it ends where they differ.

        Raises
        ------
        BenchError
            If a program does not end, or breaks a rule of the bus.
        """
        pieces = _Pieces(self.tokenizer, self.job.prompt, on_text)
        rows = write_in_rtl(
            simulation.suite, self.job, timeline=timeline, waves=simulation.waves, token=pieces.add
        )  # fmt: skip
        stop = [row.pop("stop") for row in rows][-1]
        return self._written([ProgramRow.from_dict(row) for row in rows], stop, rtl=True, waves=simulation.waves)

    def compared(self, written: WrittenText, text: str = "") -> WrittenText:
        """Return a written text with the comparison of the arithmetic with the float64 reference.

        Parameters
        ----------
        text : str
            Text that both read, token by token; an empty one stands for the prompt and what was written after it.

        Raises
        ------
        ConfigError
            If the text has a single token.
        """
        tokens = self.tokenizer.encode(text) if text else [*written.prompt_tokens, *written.tokens]
        if len(tokens) < 2:
            raise ConfigError(f"compare: a text of {len(tokens)} tokens has no next token to predict")
        decoder = self.writer.decoder
        comparison = compare(decoder.model, self.tensors, tokens, decoder.config, quantised=decoder.tensors)
        return replace(written, comparison=comparison)

    def _written(self, rows: Sequence[ProgramRow], stop: Stop, *, rtl: bool, waves: Path | None = None) -> WrittenText:
        tokens = tuple(row.token for row in rows if row.token is not None)
        return WrittenText(
            model=self.name,
            system=self.job.system,
            prompt=self.prompt,
            text=_Pieces(self.tokenizer, self.job.prompt).text(tokens),
            prompt_tokens=self.job.prompt,
            tokens=tokens,
            stop=stop,
            programs=tuple(rows),
            rtl=rtl,
            wave_files=(waves, signal_list_of(waves)) if waves else (),
        )


def prepare_text(
    model: str | Path,
    prompt: str = "",
    *,
    system: str | Path | System,
    tokens: int = TOKENS,
    sampling: Sampling | None = None,
    capacity: int | None = None,
    chat: bool = False,
    equalise: bool = True,
    finest: bool = False,
    plan: str | Path | None = None,
) -> PreparedText:
    """Return a text that is ready to be written: see :func:`generate_text`."""
    if tokens < 1:
        raise ConfigError(f"tokens = {tokens} is not allowed: at least 1")
    if finest and (plan or not equalise):
        raise ConfigError(f"finest is not allowed {'with a plan' if plan else 'without equalisation'}")
    chosen = system_of(system)
    checkpoint = read_model(model)
    tokenizer = checkpoint.tokenizer
    if tokenizer is None:
        raise ConfigError(f"{checkpoint.path}: there is no tokenizer beside the weights, and the prompt is a text")
    encoded = tuple(_chat_tokens(checkpoint, tokenizer, prompt) if chat else tokenizer.encode(prompt))
    longest = max(encoded, default=0)
    if longest >= checkpoint.model.vocab_size:
        raise ConfigError(f"{checkpoint.path}: token {longest} of the prompt is not in the model's vocabulary")
    job = TextJob(
        model=checkpoint.path, system=chosen, prompt=encoded, tokens=tokens, sampling=sampling or Sampling(),
        capacity=capacity, equalise=equalise, finest=finest,
        plan=None if plan is None else Path(plan).absolute(),
    )  # fmt: skip
    precision = Precision.of_accelerator(chosen.accelerator)
    check_fit(checkpoint.model, chosen, precision, min(len(encoded) + 1, checkpoint.model.positions))
    writer = job.writer_of(checkpoint)
    return PreparedText(str(model), prompt, job, tokenizer, checkpoint.tensors, writer, chat)


def _chat_tokens(checkpoint: Checkpoint, tokenizer: Tokenizer, message: str) -> list[int]:
    """Return the tokens of a chat that begins with a message.

    Raises
    ------
    ConfigError
        If the model has no template of chats, or it cannot be used.
    """
    if checkpoint.chat is None:
        raise ConfigError(f"chat is not allowed: {checkpoint.path} has no template of chats")
    return tokenizer.encode_marked(checkpoint.chat.prompt(message))


@dataclass
class _Pieces:
    """Pieces of a text, as its tokens come."""

    tokenizer: Tokenizer
    prompt: Sequence[int]
    on_text: Callable[[str], None] | None = None
    tokens: list[int] = field(default_factory=list)
    shown: str = ""

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens after the prompt, without the one that ends it."""
        # What a token stands for may depend on those before: the first one of a text loses its blank.
        whole = self.tokenizer.decode([*self.prompt, *(each for each in tokens if each not in self.tokenizer.ends)])
        return whole[len(self.tokenizer.decode(self.prompt)) :]

    def add(self, token: int) -> None:
        """Take the next token; hand on the text that is whole now."""
        self.tokens.append(token)
        text = self.text(self.tokens)
        if self.on_text and not text.endswith(UNFINISHED) and len(text) > len(self.shown):
            self.on_text(text[len(self.shown) :])
            self.shown = text
