"""Build any network of this package by its key.

net = build_net("vmamba_tiny_s1l8")                                    # logits
net = build_net("vim_small", image_size=(512, 512))                    # its tables for 512x512
net = build_net("local_vmamba_tiny", backbone=True)                    # four maps
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn

from bench.nets import hierarchy, plain
from bench.nets.local_vmamba import LOCAL_VMAMBA, LocalVMambaConfig, local_scan_mixer
from bench.nets.localvim import LOCALVIM, LocalVimConfig, multi_direction_mixer
from bench.nets.micro import MICRO
from bench.nets.position import Grid
from bench.nets.vim import VIM, VimConfig, bidirectional_mixer
from bench.nets.vmamba import VMAMBA, cross_scan_mixer

Config = hierarchy.HierarchyConfig | plain.PlainConfig

VARIANTS: Mapping[str, Config] = MappingProxyType({**VIM, **VMAMBA, **LOCAL_VMAMBA, **LOCALVIM})
"""Every published network by its key."""

NETS: Mapping[str, Config] = MappingProxyType({**VARIANTS, **MICRO})
"""Every network by its key."""


@dataclass(frozen=True)
class Options:
    """What can be chosen for a network besides its key and image size.

    Attributes:
        scan_backend: backend of `bench.ops.selective_scan`.
        true_inverse: send every output of LocalVMamba and LocalVim to the token that it came from.
            False is the published function, which errs for the `v` routes on maps that are not square.
            The other families have no such error and give the same for both.
        backbone: return maps for dense prediction instead of logits.
        out_indices: of a backbone, the stages (VMamba, LocalVMamba) or blocks (Vim, LocalVim) whose
            maps it returns; None for those of the published configurations.
        tap: of a Vim or LocalVim backbone, what is taken from the blocks; None for what is published.
        norm: block norm of a LocalVim; None for RMS norm in the classifier and, as published, layer
            norm in the backbone.
        num_classes: length of the logits.
        drop_path_rate: stochastic depth while training; None for the published rate.
        seed: of the initial weights.

    """

    scan_backend: str = "auto"
    true_inverse: bool = False
    backbone: bool = False
    out_indices: Sequence[int] | None = None
    tap: plain.Tap | None = None
    norm: plain.Norm | None = None
    num_classes: int = 1000
    drop_path_rate: float | None = None
    seed: int = 0


def build_net(key: str, image_size: tuple[int, int] = (224, 224), **options: object) -> nn.Module:
    """Return a network in eval mode, with seeded initial weights and the published entry names.

    `image_size` is (height, width) in pixels; Vim takes images of this size only, LocalVim without
    class token resizes its tables for others, VMamba and LocalVMamba ignore it. `options` are the
    fields of `Options`. Raises ValueError for a key or an option that does not exist.
    """
    if key not in NETS:
        raise ValueError(f"unknown network {key!r}{_near(key, NETS)}")
    return build_config(NETS[key], image_size, _options(options))


def build_config(config: Config, image_size: tuple[int, int], options: Options) -> nn.Module:
    """Return the network that `config` describes; as `build_net`, for architectures without a key."""
    if options.drop_path_rate is not None:
        config = dataclasses.replace(config, drop_path_rate=options.drop_path_rate)
    # Only the CPU generator is seeded, and its state is given back.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(options.seed)
        if isinstance(config, hierarchy.HierarchyConfig):
            net = _build_hierarchy(config, options)
        else:
            net = _build_plain(config, image_size, options)
    return net.eval()


def _near(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"


def _options(given: Mapping[str, object]) -> Options:
    known = {field.name: field for field in dataclasses.fields(Options)}
    for name in given:
        if name not in known:
            raise ValueError(f"unknown option {name!r}{_near(name, known)}")
    return Options(**given)  # type: ignore[arg-type]


def _build_hierarchy(config: hierarchy.HierarchyConfig, options: Options) -> nn.Module:
    if isinstance(config, LocalVMambaConfig):
        mixer = local_scan_mixer(config, options.scan_backend, options.true_inverse)
    else:
        mixer = cross_scan_mixer(config, options.scan_backend)
    if not options.backbone:
        return hierarchy.Classifier(config, mixer, classes=options.num_classes)
    taps = _taps(options, len(config.depths), range(len(config.depths)))
    return hierarchy.Backbone(config, mixer, out_indices=taps)


def _build_plain(config: plain.PlainConfig, image_size: Grid, options: Options) -> nn.Module:
    if isinstance(config, LocalVimConfig):
        norm = options.norm or ("layer" if options.backbone else "rms")
        config = dataclasses.replace(config, norm=norm)
        mixer = multi_direction_mixer(config, options.scan_backend, options.true_inverse)
        tap: plain.Tap = options.tap or "branch"
    elif isinstance(config, VimConfig):
        mixer = bidirectional_mixer(config, options.scan_backend)
        tap = options.tap or config.dense_tap
    else:
        raise TypeError(f"no mixer for {type(config).__name__}")
    if not options.backbone:
        return plain.PlainClassifier(config, mixer, image_size=image_size, classes=options.num_classes)
    quarter = config.depth // 4
    dense = plain.Dense(
        out_indices=_taps(options, config.depth, range(quarter - 1, config.depth, quarter)),
        tap=tap,
        out_norms=isinstance(config, LocalVimConfig),
    )
    return plain.PlainBackbone(config, mixer, image_size=image_size, dense=dense)


def _taps(options: Options, count: int, published: Sequence[int]) -> tuple[int, ...]:
    """Return the places of a backbone's maps, in order, or raise ValueError for one that is not there."""
    places = tuple(published if options.out_indices is None else options.out_indices)
    if not places or list(places) != sorted(set(places)) or places[0] < 0 or places[-1] >= count:
        raise ValueError(f"out_indices must rise, each in 0 to {count - 1}; got {places}")
    return places
