"""Checkpoint files in the very formats that the publishers' training scripts write."""

from __future__ import annotations

import argparse
import collections
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from bench.catalog import read
from bench.nets.build import build_net

State = dict[str, Tensor]


def state_of(key: str, image_size: tuple[int, int] | None = None, seed: int = 1) -> State:
    """Weights with the entries of a network of `bench.nets` that no initialisation would give."""
    card = read.models()[key]
    with torch.device("meta"):
        shapes = build_net(card.ref, image_size or (card.height_px, card.width_px)).state_dict()
    noise = torch.Generator().manual_seed(seed)
    return {name: torch.randn(value.shape, generator=noise) for name, value in shapes.items()}


def hollow(state: Mapping[str, Tensor], value: float = 0.0) -> State:
    """Return the same entries with one value throughout, which take no room in a file."""
    return {name: torch.tensor(value).expand(tensor.shape) for name, tensor in state.items()}


def prefixed(state: Mapping[str, Tensor], prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


def optimizer_state() -> dict[str, object]:
    """Return what AdamW leaves behind for two weights, by way of torch's own optimizer."""
    weights = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))]
    optimizer = torch.optim.AdamW([{"params": weights[:1]}, {"params": weights[1:], "weight_decay": 0.0}])
    sum(weight.sum() for weight in weights).backward()  # type: ignore[union-attr]
    optimizer.step()
    return optimizer.state_dict()


@contextmanager
def foreign(module_name: str, class_name: str, base: type) -> Iterator[type]:
    """Give a class of a package that is not installed here, for as long as something is pickled."""
    modules = [".".join(module_name.split(".")[: end + 1]) for end in range(module_name.count(".") + 1)]
    kind = type(class_name, (base,), {"__module__": module_name})
    before = {name: sys.modules.get(name) for name in modules}
    for name in modules:
        sys.modules[name] = ModuleType(name)
    setattr(sys.modules[module_name], class_name, kind)
    try:
        yield kind
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


def save_vim(path: Path, raw: State, averaged: State) -> None:
    """As hustvl/Vim: the script of DeiT, whose arguments are a Namespace."""
    torch.save(
        {
            "model": raw,
            "optimizer": optimizer_state(),
            "lr_scheduler": {"base_values": [1e-3], "metric": None, "noise_range_t": (0, 1)},
            "epoch": 299,
            "model_ema": averaged,
            "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 7},
            "args": argparse.Namespace(
                lr=1e-3, output_dir=pathlib.Path("output"), device="cuda", opt_betas=None
            ),
        },
        path,
    )


def save_vmamba(path: Path, raw: State, averaged: State | None) -> None:
    """As MzeroMiko/VMamba: the script of Swin, whose configuration is a nested yacs node."""
    with foreign("yacs.config", "CfgNode", dict) as node:
        inner = node({"TYPE": "vssm", "DEPTHS": [2, 2, 8, 2], "DROP_PATH_RATE": 0.2})
        inner.__dict__.update({"__immutable__": True, "__deprecated_keys__": set()})
        content = {
            "model": raw,
            "optimizer": optimizer_state(),
            "lr_scheduler": {"last_epoch": 3},
            "max_accuracy": np.float64(82.6),
            "scaler": {"scale": 65536.0},
            "epoch": 264,
            "config": node({"MODEL": inner, "AMP_ENABLE": True}),
        }
        if averaged is not None:
            content |= {"model_ema": averaged, "max_accuracy_ema": np.float32(82.6)}
        torch.save(content, path)


def save_localmamba_training(path: Path, raw: State, averaged: State) -> None:
    """As the training script of hunto/LocalMamba."""
    torch.save(
        {
            "epoch": 300,
            "model": prefixed(raw, "module."),
            "ema_model": prefixed(averaged, "module.module."),
            "optimizer": collections.defaultdict(dict, optimizer_state()),
        },
        path,
    )


class Averages:
    """Has a function that a file refers to."""

    def mean(self) -> None: ...


class Attribute:
    """Stored as mmengine's logs store the functions of their class: as what is to be taken out of it."""

    def __init__(self, owner: type, name: str) -> None:
        self.place = (owner, name)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[type, str]]:
        return getattr, self.place


def save_mmengine(path: Path, backbone: State) -> None:
    """As a detector of OpenMMLab, with the logs that mmengine keeps in its message hub."""
    with foreign("mmengine.logging.history_buffer", "HistoryBuffer", Averages) as buffer:
        log = buffer()
        log.__dict__.update(
            {
                "max_length": 1_000_000,
                "_log_history": np.array([0.5, 0.25]),
                "_count_history": np.ones(2, int),
                "_statistics_methods": {"mean": Attribute(buffer, "mean")},
            }
        )
        torch.save(
            {
                "meta": {"cfg": "model = dict()", "epoch": 12, "dataset_meta": {"CLASSES": ("person",)}},
                "state_dict": {**prefixed(backbone, "backbone."), "rpn_head.bias": torch.zeros(1)},
                "message_hub": {
                    "log_scalars": collections.OrderedDict({"train/loss": log}),
                    "runtime_info": collections.OrderedDict(iter=12, loop_stage=None),
                    "resumed_keys": collections.OrderedDict({"train/loss": True}),
                },
                "optimizer": optimizer_state(),
            },
            path,
        )


def first_names(state: Mapping[str, Tensor]) -> State:
    """As VMamba named its entries before 19 January 2024, with projections as 1x1 convolutions."""
    starts = {
        "patch_embed.0.": "patch_embed.proj.",
        "patch_embed.2.": "patch_embed.norm.",
        "classifier.": "",
    }
    renamed = {}
    for name, value in state.items():
        old = name
        for new, before in starts.items():
            old = before + old.removeprefix(new) if old.startswith(new) else old
        if ".blocks." in old:
            # the norm in front of the mixer, not the one inside it
            old = old.replace(".norm.", ".ln_1.").replace(".op.", ".self_attention.")
        convolution = old.endswith(("in_proj.weight", "out_proj.weight"))
        renamed[old] = value[:, :, None, None] if convolution else value
    return renamed
