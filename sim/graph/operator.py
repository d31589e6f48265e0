"""Operators of a model: the computation of each, its inputs, its precision, and the engine on which it runs."""

from dataclasses import dataclass
from enum import StrEnum

from tilewright.sim.formats import StoredFormat

from .head_padding import HeadPadding
from .precision import CACHE_SCALE, DEFAULT, SCALE_BITS, Precision
from .rotary import Rotary

LARGEST_SCALED_BITS = 8
"""Width of the widest format whose numbers need scales."""


class Engine(StrEnum):
    """A part of the system that runs operators."""

    CIM_ARRAY = "CIM array"
    NPE = "NPE"
    VECTOR_UNIT = "vector unit"
    HOST = "host"


class Kind(StrEnum):
    """Kind of computation of an operator."""

    INPUT = "input"
    """Values with which a part of a graph begins."""
    CONSTANT = "constant"
    """A table that does not depend on the model's weights."""
    EMBED = "embed"
    """Lookup of rows of the embedding table."""
    MATMUL = "matmul"
    """Product with a weight matrix, ``(m x k) @ (k x n)``."""
    RMS_NORM = "rms norm"
    LAYER_NORM = "layer norm"
    SMOOTH = "smooth"
    """Multiplication of each column by a factor, so that outlier columns do not decide the scale of a row."""
    ROPE = "rope"
    """Rotary embedding of heads."""
    KV_APPEND = "kv append"
    """Conversion of new keys or values to weights of products; they go into the cache, if there is one."""
    SCORES = "scores"
    """Product of query heads with keys."""
    SOFT_CAP = "soft cap"
    """Numbers x as ``cap * tanh(x / cap)``."""
    SOFTMAX = "softmax"
    WEIGHTED_SUM = "weighted sum"
    """Product of attention probabilities with values."""
    MERGE_HEADS = "merge heads"
    """Concatenation of the results of all heads of a token."""
    SILU_MULTIPLY = "silu multiply"
    """Gated activation ``silu(gate) * up``."""
    GELU_MULTIPLY = "gelu multiply"
    """Gated activation ``gelu(gate) * up``."""
    GELU = "gelu"
    ADD = "add"
    """Addition of the residual."""
    LOGITS = "logits"
    """Conversion of the last product's result to FP32 numbers."""
    SAMPLE = "sample"
    """Choice of the next token by its logit."""

    @property
    def engine(self) -> Engine:
        """Engine that runs such operators if they are not placed elsewhere."""
        if self in (Kind.MATMUL, Kind.SCORES, Kind.WEIGHTED_SUM):
            return Engine.CIM_ARRAY
        return Engine.HOST if self in (Kind.EMBED, Kind.SOFT_CAP, Kind.SAMPLE) else Engine.VECTOR_UNIT


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of a graph; bytes are bytes of main memory, activations stay on chip."""

    name: str
    """Name that no other operator of the graph has; where there are weights, the name that Hugging Face gives them."""
    row: str
    """Row of reports that counts the operator, in all layers."""
    kind: Kind
    inputs: tuple[str, ...] = ()
    """Names of the operators whose results this operator needs."""
    layer: int | None = None
    """Number of the layer, from 0; None before and after the layers."""
    m: int
    """Rows of each independent product or of the result: tokens, or the query heads of one token that share keys."""
    k: int = 0
    """Inner dimension of a product."""
    n: int
    """Columns of a product; elements of a row otherwise."""
    heads: int = 1
    """Number of equal independent products, or of parts of a row, of this shape."""
    shared: int = 1
    """Number of heads that read the same keys and values."""
    capacity: int = 0
    """Positions for which the cache, or a table of positions, has room; 0: no cache."""
    position: int = 0
    """Number of positions that come before the first row."""
    first: int = 0
    """First position of the cache that is read: a multiple of the precision's ``window_step``."""
    block: int = 0
    """Number of positions that scores and softmax take at a time; 0: all."""
    every_position: bool = False
    """Flag: the operator serves every position. The cache is then a block of ``capacity`` positions, ``position`` is
    one in it for which steps are made, and attention with a ``block`` is repeated for as many blocks as hold
    positions."""
    variants: int = 0
    """Number of rows of a mask for every position; see :func:`.masks.mask_contents`."""
    window: int = 0
    """Number of positions that a row sees at most, its own and those right before it; 0: all."""
    causal: bool = False
    """Flag: row r sees no position after ``position + r``."""
    bias: bool = False
    """Flag: a vector is added to each row."""
    epsilon: float = 0.0
    """Term that keeps a norm from dividing by 0."""
    factor: float = 1.0
    """Factor of the result: what a product's weights, a norm's gains, an embedding or scores are multiplied by."""
    cap: float = 0.0
    """Largest magnitude that a soft cap leaves."""
    rotary: Rotary | None = None
    """Angles in a table of rotary embedding."""
    head: HeadPadding | None = None
    """Padding of each head in the result or, of a product after attention, in the input; None: there is none."""
    beside: int = 1
    """Number of heads of a cache whose elements of a position lie side by side in main memory."""
    cache_scale: StoredFormat = CACHE_SCALE
    """Format of the scales of the keys or values that are stored in a cache, or read from one."""
    precision: Precision = DEFAULT
    engine: Engine = Engine.VECTOR_UNIT

    @property
    def part_columns(self) -> int:
        """Number of columns of a product's input that share a scale, of all :attr:`.Precision.parts` but the last."""
        parts = next((count for end, count in self.precision.parts if self.name.endswith(end)), 1)
        if parts == 1 or self.engine is not Engine.CIM_ARRAY:
            return self.k
        step = self.precision.window_step
        return min(self.k, -(-self.k // (parts * step)) * step)

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates of a matrix product."""
        return self.heads * self.m * self.k * self.n

    @property
    def elements(self) -> int:
        """Number of elements of the result, without elements that the causal mask or the window hides."""
        if not self.causal:
            return self.heads * self.m * min(self.n, self.window or self.n)
        seen = (min(self.first + self.n, self.position + row + 1) for row in range(self.m))
        return self.heads * sum(min(each, self.window or each) for each in seen)

    @property
    def scaled(self) -> bool:
        """Flag: weights, or keys and values, have scales besides their codes, as all formats of up to 8 bits do."""
        kept = self.precision.weights if self.kind is Kind.MATMUL else self.precision.cache
        return kept.bits <= LARGEST_SCALED_BITS

    @property
    def read_bytes(self) -> int:
        """Number of bytes of weights and cache that are read from main memory, each once."""
        if self.kind is Kind.EMBED:
            # One scale a column of the tied matrix is one a row of the embedding.
            return self.m * (_bytes(self.n, self.precision.weights.bits) + _bytes(1, self.precision.column_scale.bits))
        if self.kind is Kind.MATMUL:
            weights = _bytes(self.k * self.n, self.precision.weights.bits)
            group, columns = self.precision.group, self.precision.column_scale.bits * self.scaled
            scales = _bytes(-(-self.k // group) * self.n, self.precision.group_scale.bits) if group else 0
            of_columns = -(-self.k // self.part_columns) * _bytes(self.n, columns)
            return weights + scales + of_columns + _bytes(self.bias * self.n, SCALE_BITS)
        if self.kind in (Kind.RMS_NORM, Kind.LAYER_NORM):
            return _bytes((1 + self.bias) * self.n, SCALE_BITS)
        if self.kind is Kind.SCORES and self.capacity:
            return self._cache_bytes(self._seen(self.n), self.k)
        if self.kind is Kind.WEIGHTED_SUM and self.capacity:
            return self._cache_bytes(self._seen(self.k), self.n)
        return 0

    @property
    def written_bytes(self) -> int:
        """Number of bytes of cache that are written to main memory."""
        return self._cache_bytes(self.m, self.n) if self.kind is Kind.KV_APPEND and self.capacity else 0

    def _seen(self, positions: int) -> int:
        """Return the number of positions, of those that are read, that at least one row sees."""
        tokens = self.m if self.causal else 1
        return min(positions, self.window + tokens - 1) if self.window else positions

    def _cache_bytes(self, positions: int, head: int) -> int:
        """Return the bytes of keys, or values, of some positions, with one scale for each head and position."""
        rows = self.heads // self.shared * positions
        return _bytes(rows * head, self.precision.cache.bits) + _bytes(rows * self.scaled, self.cache_scale.bits)


def _bytes(elements: int, bits: int) -> int:
    return -(-elements * bits // 8)
