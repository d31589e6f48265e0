"""Operators of ONNX: each small graph computes what its definition says, and what onnxruntime computes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.mapping.models.onnx_graphs import EXAMPLES, RNG, SHAPE, point
from tilewright.mapping.models.classifier import Product
from tilewright.mapping.models.readers.onnx_classifier import read_classifier
from tilewright.mapping.models.readers.onnx_file import write_onnx

PICTURES = RNG.normal(size=(3, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_graph_computes_its_definition(name, tmp_path):
    example = EXAMPLES[name]
    found = read_classifier(write_onnx(tmp_path / "g.onnx", example.graph))
    expected = [example.defined(point(each.astype(np.float64))).ravel() for each in PICTURES]
    np.testing.assert_allclose(found.logits(PICTURES), expected, rtol=1e-6, atol=1e-6)
    if example.operations:
        assert tuple(type(each).__name__ for each in found.operations) == example.operations


def test_plain_products_go_through_a_function(tmp_path):
    found = read_classifier(write_onnx(tmp_path / "g.onnx", EXAMPLES["squeeze and excite"].graph))
    seen: list[tuple[str, tuple[int, ...]]] = []

    def halved(product: Product, rows: np.ndarray) -> np.ndarray:
        seen.append((product.name, rows.shape))
        return rows / 2 if product.name == "first" else rows

    halves = found.logits(PICTURES, halved)
    assert seen == [("first", (3, 42, 4)), ("b", (3, 1, 4))]
    np.testing.assert_allclose(halves, found.logits(PICTURES / 2), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_onnxruntime_computes_it(name, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = write_onnx(tmp_path / "g.onnx", EXAMPLES[name].graph)
    if name == "hard swish":
        pytest.skip("operator version 13, which is written, has no HardSwish")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"x": PICTURES})
    np.testing.assert_allclose(read_classifier(path).logits(PICTURES), expected.reshape(3, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_onnxruntime_computes_the_orientation_of_text():
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    spec = find_spec("rapidocr_onnxruntime")
    if spec is None or spec.origin is None:
        pytest.skip("rapidocr-onnxruntime is not installed")
    path = Path(spec.origin).parent / "models" / "ch_ppocr_mobile_v2.0_cls_infer.onnx"
    pictures = RNG.uniform(-1, 1, (4, 3, 48, 192)).astype(np.float32)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"x": pictures})
    found = read_classifier(path, pictures.shape[1:])
    assert len(found.operations) == 127
    logits = found.logits(pictures)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), expected, atol=2e-6)
