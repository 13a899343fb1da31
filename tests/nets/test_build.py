"""Building by key: which keys exist, their sizes, options and initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.nets.adapt import adapt_state
from bench.nets.build import VARIANTS, Config, Options, build_config, build_net
from bench.nets.layers import DropPath

PARAMETERS = {
    "vim_tiny": 7_148_008,
    "vim_small": 25_796_584,
    "vim_base": 97_598_440,
    "vim_tiny_stride8": 7_250_344,
    "vim_small_stride8": 26_001_256,
    "vmamba_tiny_s1l8": 30_249_064,
    "vmamba_small_s1l20": 49_012_840,
    "vmamba_base_s1l20": 86_614_504,
    "vmamba_tiny_s2l5": 30_705_832,
    "vmamba_small_s2l15": 50_147_752,
    "vmamba_base_s2l15": 88_557_800,
    "vmamba_v0_tiny": 22_893_448,
    "vmamba_v0_small": 44_417_416,
    "vmamba_v0_base": 76_254_056,
    "local_vmamba_tiny": 25_527_160,
    "local_vmamba_small": 49_748_536,
    "localvim_tiny": 7_994_152,
    "localvim_small": 27_783_784,
    "localvim_small_unsearched": 27_783_784,
    "localvim_tiny_middle_cls_token": 7_994_536,
}
BLOCK_PARAMETERS = {
    "vim_tiny": 282_048,
    "vim_small": 1_043_328,
    "vim_base": 4_003_584,
    "localvim_tiny": 380_784,
}


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def on_meta(key: str, image_size: tuple[int, int] = (224, 224), **options: object) -> nn.Module:
    with torch.device("meta"):
        return build_net(key, image_size, **options)


def test_the_keys() -> None:
    assert set(VARIANTS) == set(PARAMETERS)


@pytest.mark.parametrize("key", PARAMETERS)
def test_parameter_count(key: str) -> None:
    assert count(on_meta(key)) == PARAMETERS[key]


@pytest.mark.parametrize("key", BLOCK_PARAMETERS)
def test_parameter_count_of_a_block(key: str) -> None:
    assert count(on_meta(key).get_submodule("layers.0")) == BLOCK_PARAMETERS[key]


@pytest.mark.parametrize(
    ("key", "image_size", "rows"),
    [
        ("vim_tiny", (224, 224), 197),
        ("vim_tiny_stride8", (224, 224), 730),
        ("vim_small_stride8", (256, 224), 31 * 27 + 1),
        ("vim_tiny", (231, 224), 197),
        ("localvim_tiny", (231, 224), 15 * 14),
        ("localvim_tiny_middle_cls_token", (512, 224), 32 * 14 + 1),
    ],
)
def test_rows_of_the_position_table(key: str, image_size: tuple[int, int], rows: int) -> None:
    assert on_meta(key, image_size).state_dict()["pos_embed"].shape[1] == rows


def test_localvim_small_has_the_searched_directions() -> None:
    def directions(key: str) -> list[object]:
        net = on_meta(key)
        return [net.get_submodule(f"layers.{block}.mixer").directions for block in range(20)]

    assert directions("localvim_small") == directions("localvim_tiny")
    assert set(directions("localvim_small_unsearched")) == {("h", "h_flip", "w2", "w2_flip")}


def test_eval_mode_and_num_classes() -> None:
    net = build_net("vim_tiny", (32, 32), num_classes=7)
    assert not net.training
    assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 7)


def test_weights_depend_on_the_seed_and_leave_the_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    nets = [build_net("localvim_tiny", seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    first, again, other = (net.state_dict()["layers.3.mixer.in_proj.weight"] for net in nets)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("key", ["vim_tiny", "localvim_tiny", "vmamba_tiny_s2l5", "local_vmamba_tiny"])
def test_initial_decay_and_step(key: str, small_configs: dict[str, Config]) -> None:
    state = build_config(small_configs[key], (32, 32), Options()).state_dict()
    for name, tensor in state.items():
        leaf = name.rsplit(".", 1)[-1]
        if leaf.startswith(("A_log", "A_b_log")):
            states = torch.arange(1.0, tensor.shape[-1] + 1)
            torch.testing.assert_close(tensor.exp(), states.expand_as(tensor))
        if leaf == "dt_projs_bias" or ("dt_proj" in name and leaf == "bias"):
            step = torch.nn.functional.softplus(tensor)
            assert step.min() >= 0.999e-3
            assert step.max() <= 1.001e-1
            assert step.log().std() > 1.0


def test_every_parameter_has_memory_of_its_own() -> None:
    pointers = [parameter.data_ptr() for parameter in build_net("localvim_tiny").parameters()]
    assert len(set(pointers)) == len(pointers)


def rates(net: nn.Module) -> list[float]:
    return [module.rate for module in net.modules() if isinstance(module, DropPath)]


def test_drop_path_rises_linearly_over_all_blocks() -> None:
    assert rates(on_meta("vmamba_v0_tiny")) == pytest.approx([0.2 * block / 14 for block in range(15)])
    # A plain block drops the branch of the block before it; the last branch is dropped before the norm.
    expected = [0.0, *(0.4 * block / 23 for block in range(24))]
    assert rates(on_meta("vim_tiny", drop_path_rate=0.4)) == pytest.approx(expected)


def test_default_maps_of_plain_backbones() -> None:
    image = torch.randn(1, 3, 64, 32)
    for key, names in (
        ("vim_tiny", set()),
        (
            "localvim_tiny",
            {f"outnorm_{block}.{leaf}" for block in (4, 9, 14, 19) for leaf in ("weight", "bias")},
        ),
    ):
        net = build_net(key, (64, 32), backbone=True)
        state = net.state_dict()
        assert {name for name in state if name.startswith("outnorm")} == names
        assert not any(name.startswith(("head", "norm_f")) for name in state)
        assert ("layers.0.norm.bias" in state) == (key == "localvim_tiny")
        maps = net(image)
        assert [tuple(x.shape) for x in maps] == [(1, 192, 4, 2)] * 4
        assert net.channels == (192,) * 4
        assert net.strides == (16,) * 4


def test_taps_of_a_vim_backbone() -> None:
    image = torch.randn(1, 3, 32, 32)
    classifier, maps = build_net("vim_tiny", (32, 32)), {}
    for tap in ("branch", "residual", "normed"):
        net = build_net("vim_tiny", (32, 32), backbone=True, tap=tap, out_indices=(3, 23))
        net.load_state_dict(adapt_state(classifier.state_dict(), net))
        maps[tap] = net(image)
    *_, (h_blc, r_blc, _) = classifier.stream(image)  # type: ignore[operator]
    patches = [0, 1, 3, 4]  # token 2 is the class token

    def tokens(x_bchw: torch.Tensor) -> torch.Tensor:
        return x_bchw.flatten(2).transpose(1, 2)

    torch.testing.assert_close(tokens(maps["branch"][1]), h_blc[:, patches])
    torch.testing.assert_close(tokens(maps["residual"][1]), (h_blc + r_blc)[:, patches])
    normed = classifier.forward_features(image)[:, patches]  # type: ignore[operator]
    torch.testing.assert_close(tokens(maps["normed"][1]), normed)
    published = build_net("vim_small", (32, 32), backbone=True)
    assert published.dense.tap == "residual"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build_net("vim_tinny"), "unknown network 'vim_tinny'; did you mean 'vim_tiny'?"),
        (
            lambda: build_net("vim_tiny", scan_backnd="torch"),
            "unknown option 'scan_backnd'; did you mean 'scan_backend'?",
        ),
        (
            lambda: build_net("vmamba_v0_tiny", backbone=True, out_indices=(1, 4)),
            "out_indices must rise, each in 0 to 3; got (1, 4)",
        ),
        (
            lambda: build_net("vim_tiny", backbone=True, out_indices=(3, 3)),
            "out_indices must rise, each in 0 to 23; got (3, 3)",
        ),
        (lambda: build_net("vim_tiny", (224, 8)), "image size 224x8: at least 16x16 is needed"),
    ],
)
def test_mistakes_are_explained(call: object, message: str) -> None:
    assert callable(call)
    with torch.device("meta"), pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["vim_tiny", "localvim_tiny_middle_cls_token"])
def test_other_image_sizes_are_refused_where_they_do_not_fit(key: str) -> None:
    net = build_net(key, (32, 32))
    with pytest.raises(ValueError, match=r"built for 32x32 images and got 64x48; build it with image_size="):
        net(torch.zeros(1, 3, 64, 48))
