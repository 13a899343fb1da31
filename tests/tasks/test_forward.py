"""A network in every precision, layout and mode, on the CPU."""

import pytest
import torch
from torch import Tensor, nn

from bench.spec.cell import PRECISIONS, Cell
from bench.spec.errors import Unsupported
from bench.tasks.forward import prepare

CPU = torch.device("cpu")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))


def cell(**fields: object) -> Cell:
    values = {
        "checkpoint": "any",
        "task": "imagenet",
        "task_digest": "0",
        "height_px": 8,
        "width_px": 8,
        "precision": "fp32",
        "measure": "throughput",
        "device": "cpu",
        "protocol": "house",
        "protocol_digest": "0",
    }
    return Cell.model_validate(values | fields)


def images() -> Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("precision", "weights", "logits"),
    [
        ("fp32", torch.float32, torch.float32),
        ("amp_fp16", torch.float32, torch.float16),
        ("amp_bf16", torch.float32, torch.bfloat16),
        ("fp16", torch.float16, torch.float16),
        ("bf16", torch.bfloat16, torch.bfloat16),
    ],
)
def test_precisions(precision: str, weights: torch.dtype, logits: torch.dtype) -> None:
    prepared = prepare(model := network(), cell(precision=precision), CPU)
    placed = prepared.place(images())
    found = prepared.step(placed)
    assert {parameter.dtype for parameter in model.parameters()} == {weights}
    assert placed.dtype == weights
    assert found.dtype == logits
    expected = network().eval()(images())
    torch.testing.assert_close(found.float(), expected, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
def test_layouts(memory_format: str) -> None:
    prepared = prepare(model := network(), cell(memory_format=memory_format), CPU)
    placed = prepared.place(images())
    wanted = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}[memory_format]
    assert placed.is_contiguous(memory_format=wanted)
    weight = next(model.parameters())
    assert weight.is_contiguous(memory_format=wanted)
    torch.testing.assert_close(prepared.step(placed), network().eval()(images()))


def test_steps_are_inference_in_eval_mode() -> None:
    prepared = prepare(model := network().train(), cell(), CPU)
    before = model.get_buffer("1.running_mean").clone()
    assert prepared.step(prepared.place(images())).is_inference()
    assert torch.equal(model.get_buffer("1.running_mean"), before)


def test_an_eager_network_was_not_compiled() -> None:
    prepared = prepare(network(), cell(), CPU)
    prepared.step(prepared.place(images()))
    assert (prepared.compile_s, prepared.graph_breaks, prepared.compile_cache_hits) == (None, None, None)


class Broken(nn.Module):
    """Breaks the graph once."""

    def forward(self, x: Tensor) -> Tensor:
        x = x * 2
        torch._dynamo.graph_break()
        return x + 1


@pytest.mark.parametrize(("model", "breaks"), [(nn.Sequential(nn.Flatten(), nn.ReLU()), 0), (Broken(), 1)])
def test_compiling_is_timed_and_its_graph_breaks_are_counted(model: nn.Module, breaks: int) -> None:
    torch._dynamo.reset()
    prepared = prepare(model, cell(mode="compiled"), CPU)
    assert prepared.compile_s is None
    x = prepared.place(images())
    torch.testing.assert_close(prepared.step(x), model(x))
    first_s = prepared.compile_s
    assert first_s is not None
    assert first_s > 0
    assert prepared.graph_breaks == breaks
    assert prepared.compile_cache_hits is not None
    prepared.step(x)
    assert prepared.compile_s == first_s


def test_tf32_is_refused_where_there_is_none() -> None:
    with pytest.raises(Unsupported) as caught:
        prepare(network(), cell(precision="tf32"), CPU)
    assert str(caught.value) == (
        "tf32 needs an NVIDIA GPU of compute capability 8.0 or newer; this device can measure fp32"
    )


def test_every_precision_is_known() -> None:
    for precision in set(PRECISIONS) - {"tf32"}:
        prepared = prepare(network(), cell(precision=precision), CPU)
        assert prepared.step(prepared.place(images())).shape == (4, 5)
