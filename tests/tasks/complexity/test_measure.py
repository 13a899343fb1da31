"""Counts of the catalog's networks, against published figures."""

from pathlib import Path

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from bench.catalog import read
from bench.machine.identity import Device
from bench.metrics.registry import metrics
from bench.nets.build import build_net
from bench.nets.vit_causal import POOLED_VIT, make_causal
from bench.run.recipe import Recipe
from bench.spec.cell import Cell
from bench.tasks.complexity.count import count
from bench.tasks.complexity.measure import measure

MAMBAOUT = {
    "mambaout_femto": (7_304_536, 1.156e9),
    "mambaout_kobe": (9_141_208, 1.515e9),
    "mambaout_tiny": (26_545_096, 4.486e9),
    "mambaout_small": (48_488_072, 8.960e9),
    "mambaout_base": (84_813_092, 15.826e9),
}


def build(key: str) -> nn.Module:
    """Build without initial values: they take longer to draw than the MACs take to count."""
    with torch.device("meta"):
        model: nn.Module = timm.create_model(read.models()[key].ref, num_classes=1000)
    return model.to_empty(device="cpu").eval()


@pytest.mark.parametrize("key", MAMBAOUT)
def test_mambaout_has_its_published_size_and_macs(key: str) -> None:
    params, macs = MAMBAOUT[key]
    counted = count(build(key), 224, 224)
    assert counted.params == params
    assert round(counted.fvcore.macs / 1e6) == round(macs / 1e6)
    # layer norms are all that fvcore counts and the dispatcher does not
    norms = counted.fvcore.by_operator["layer_norm"]
    assert counted.dispatcher.macs == counted.fvcore.macs - norms
    assert counted.disagreement_percent == pytest.approx(100 * norms / counted.fvcore.macs)
    assert counted.disagreement_percent < 1


def test_attention_is_counted_by_both() -> None:
    counted = count(build("deit_small"), 224, 224)
    # 12 blocks of 6 heads, 197 tokens of 64 numbers: queries by keys, and weights by values
    attention = 12 * 2 * 6 * 197 * 197 * 64
    assert counted.fvcore.by_operator["matmul"] == attention
    assert counted.dispatcher.by_operator["aten::bmm"] == attention
    assert counted.fvcore.macs == pytest.approx(4.6e9, rel=0.005)
    assert not [name for name in counted.fvcore.uncounted_ops if "attention" in name]


def test_windowed_attention_is_counted_by_both() -> None:
    # not by `build`: its tables of indices are made where the network is
    counted = count(timm.create_model(read.models()["swin_tiny"].ref).eval(), 224, 224)
    assert counted.fvcore.by_operator["matmul"] == counted.dispatcher.by_operator["aten::bmm"]
    assert counted.fvcore.macs == pytest.approx(4.5e9, rel=0.005)


def test_causal_attention_is_counted_as_its_fully_visible_twin() -> None:
    def vit() -> VisionTransformer:
        sizes = {"img_size": 64, "embed_dim": 96, "depth": 3, "num_heads": 3}
        return VisionTransformer(**sizes, **POOLED_VIT).eval()

    visible, causal = count(vit(), 64, 64), count(make_causal(vit()), 64, 64)
    # 3 blocks of 3 heads, 16 tokens of 32 numbers: queries by keys, and weights by values
    attention = 3 * 2 * 3 * 16 * 16 * 32
    assert visible.fvcore.by_operator["matmul"] == attention
    assert causal.fvcore.by_operator["scaled_dot_product_attention"] == attention
    assert (causal.fvcore.macs, causal.dispatcher.macs) == (visible.fvcore.macs, visible.dispatcher.macs)
    assert causal.official.macs == visible.official.macs == visible.fvcore.macs
    assert causal.performed == visible.performed
    assert not [name for name in causal.fvcore.uncounted_ops if "attention" in name]
    assert not [name for name in causal.dispatcher.uncounted_ops if "attention" in name]


SCANNING = ("vim_tiny", "vmamba_tiny_s1l8", "local_vmamba_tiny", "localvim_tiny_middle_cls_token")


@pytest.mark.parametrize("key", SCANNING)
def test_both_counters_find_the_same_in_a_network_that_scans(key: str) -> None:
    counted = count(build_net(key, image_size=(64, 96)), 64, 96)
    found, checked = dict(counted.fvcore.by_operator), counted.dispatcher
    assert found.pop("selective_scan") == checked.by_operator["bench::selective_scan"] > 0
    norms, weighted = found.pop("layer_norm", 0), found.pop("einsum", 0)
    others = counted.performed - checked.by_operator["bench::selective_scan"]
    # of the weighting by channel gates, an einsum, fvcore reads four digits
    assert sum(found.values()) + weighted == pytest.approx(others, abs=5e-4 * weighted)
    assert counted.fvcore.macs - norms == pytest.approx(checked.macs, abs=5e-4 * weighted)
    assert counted.official.macs not in {counted.fvcore.macs, checked.macs}


@pytest.mark.parametrize("key", ["vim_tiny", "vmamba_v0_tiny"])
def test_no_figure_hangs_on_the_backend_of_the_scan(key: str) -> None:
    size = (32, 64)
    plain, other = (build_net(key, image_size=size, scan_backend=name) for name in ("torch", "triton"))
    assert count(plain, *size) == count(other, *size)
    assert all(parameter.requires_grad for parameter in other.parameters())


def test_counting_leaves_fused_attention_as_it_was() -> None:
    model = build("deit_small")
    before = [getattr(module, "fused_attn", None) for module in model.modules()]
    assert any(before)
    count(model, 224, 224)
    assert [getattr(module, "fused_attn", None) for module in model.modules()] == before


def test_macs_grow_with_the_area_and_parameters_do_not() -> None:
    model = build("mambaout_femto")
    small, wide = count(model, 64, 64), count(model, 64, 128)
    assert small.params == wide.params
    assert wide.fvcore.by_operator["conv"] == 2 * small.fvcore.by_operator["conv"]


def test_a_network_without_macs_does_not_divide_by_zero() -> None:
    counted = count(nn.Identity(), 8, 8)
    assert (counted.params, counted.fvcore.macs, counted.disagreement_percent) == (0, 0, 0.0)


def test_a_cell_is_measured_whole(tmp_path: Path) -> None:
    cell = Cell(
        checkpoint="mambaout_femto",
        task="imagenet",
        task_digest="0",
        height_px=96,
        width_px=96,
        precision="fp32",
        measure="complexity",
        device="cpu",
        protocol="house",
        protocol_digest="0",
    )
    device = Device("cpu", 0, "some CPU")
    job = Recipe(read.models(), read.tasks(), read.protocols(), tmp_path, device, limit_s=60).job(cell)
    measured = measure(job).measured
    values, details = measured.values, measured.details
    assert set(values) == {name for name, metric in metrics().items() if metric.measure == "complexity"}
    assert values["params"] == 7_304_536
    assert values["macs"] == values["macs_fvcore"] > values["macs_dispatcher"] == values["macs_performed"]
    assert details["formula_name"] == "fvcore"
    assert isinstance(details["formula"], str)
    assert "every multiply-accumulate" in str(details["formula_performed"])
    assert details["macs_by_kind"] == details["macs_by_operator"]["fvcore"]  # type: ignore[index,call-overload]
    by_operator, uncounted = details["macs_by_operator"], details["uncounted_ops"]
    assert isinstance(by_operator, dict)
    assert isinstance(uncounted, dict)
    assert {name: sum(found.values()) for name, found in by_operator.items()} == {  # type: ignore[union-attr,arg-type]
        "fvcore": values["macs_fvcore"],
        "dispatcher": values["macs_dispatcher"],
    }
    assert uncounted["fvcore"] == {"aten::gelu": 20, "aten::mul": 18, "aten::add": 18, "aten::mean": 1}
    assert measured.flags == ()
