"""The plain trunk of Vim and LocalVim: one token grid, one width, a residual stream in float32.

Every block adds first and normalises then: r <- r + h, h <- mixer(norm(r)), so the last branch output
is still to be added after the last block (Vim, Zhu et al. 2024, algorithm 1, in the form of its code).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.nets.layers import DropPath, RMSNorm
from bench.nets.position import Grid, Rotary, resize_rows
from bench.ops.norm import StreamNorm, add_norm

PATCH = 16
Norm = Literal["rms", "layer"]
Tap = Literal["branch", "residual", "normed"]
Mixer = Callable[[int], nn.Module]
"""Makes the mixer of a block from its number; it maps (b, l, c) tokens and their grid to (b, l, c)."""


@dataclass(frozen=True)
class PlainConfig:
    """One plain model.

    Attributes:
        width: model width.
        depth: number of blocks.
        stride: stride of the patch convolution, in pixels.
        patch: its kernel, in pixels.
        class_token: whether a class token sits in the middle of the sequence and is what the head
            sees; without it the head sees the mean of the tokens.
        rotary: whether branch and residual are rotated before every block.
        any_size: whether images are padded to whole patches and tables resized at run time.
        norm: block norm; the dense models of LocalVim use `layer`.
        drop_path_rate: rate of the last block while training; it rises linearly from 0.

    """

    width: int
    depth: int
    stride: int = PATCH
    patch: int = PATCH
    class_token: bool = True
    rotary: bool = False
    any_size: bool = False
    norm: Norm = "rms"
    drop_path_rate: float = 0.0

    def grid(self, image_size: Grid) -> Grid:
        """Return the token grid of an image of `image_size` (height, width)."""
        if self.any_size:
            return -(-image_size[0] // self.patch), -(-image_size[1] // self.patch)
        rows, columns = ((side - self.patch) // self.stride + 1 for side in image_size)
        return rows, columns


class PatchEmbed(nn.Module):
    """One convolution; a token per patch, row-major."""

    def __init__(self, width: int, stride: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, stride=stride)

    def forward(self, image: Tensor) -> Tensor:
        """Return tokens (b, l, c)."""
        map_bchw: Tensor = self.proj(image)
        return map_bchw.flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Add the branch to the residual, turn both where there is a rotation, normalise, mix."""

    def __init__(self, width: int, norm: Norm, mixer: nn.Module, branch_rate: float) -> None:
        super().__init__()
        self.norm = RMSNorm(width) if norm == "rms" else nn.LayerNorm(width)
        self.mixer = mixer
        self.drop_path = DropPath(branch_rate)

    def forward(
        self, h_blc: Tensor, r_blc: Tensor | None, grid: Grid, rotation: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        """Return the mixer output and the residual that was normalised."""
        if r_blc is not None:
            h_blc = self.drop_path(h_blc)
        norm = StreamNorm(self.norm.weight, self.norm.bias, self.norm.eps)
        r_blc, normed_blc = add_norm(h_blc, r_blc, norm, rotation)
        out_blc: Tensor = self.mixer(normed_blc, grid)
        return out_blc, r_blc


class PlainTrunk(nn.Module):
    """Patch embedding, positions and blocks.

    Attributes:
        image_size: height and width it was built for, in pixels.
        grid: its token grid, to which the stored tables belong.

    """

    def __init__(self, config: PlainConfig, mixer: Mixer, *, image_size: Grid) -> None:
        super().__init__()
        self.config, self.image_size, self.grid = config, image_size, config.grid(image_size)
        if min(self.grid) < 1:
            least = f"{config.patch}x{config.patch}"
            raise ValueError(f"image size {image_size[0]}x{image_size[1]}: at least {least} is needed")
        width, patches = config.width, self.grid[0] * self.grid[1]
        self.patch_embed = PatchEmbed(width, config.stride, config.patch)
        if config.class_token:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + config.class_token, width))
        if config.rotary:
            self.rope = Rotary(self.grid, width)
        top = config.drop_path_rate
        # The branch of block j is dropped where it is added, which is in block j + 1.
        rates = [top * max(j - 1, 0) / max(config.depth - 1, 1) for j in range(config.depth)]
        self.layers = nn.ModuleList(
            Block(width, config.norm, mixer(j), rates[j]) for j in range(config.depth)
        )
        self.last_drop_path = DropPath(top)

    def embed(self, image: Tensor) -> tuple[Tensor, Grid]:
        """Return the tokens with their positions, class token included, and the grid of the patches."""
        grid = self._check(image)
        if self.config.any_size:
            side = self.config.patch
            image = functional.pad(image, (0, -image.shape[3] % side, 0, -image.shape[2] % side))
        tokens_blc = self.patch_embed(image)
        if not self.config.class_token:
            return tokens_blc + resize_rows(self.pos_embed, self.grid, grid), grid
        middle = tokens_blc.shape[1] // 2
        token = self.cls_token.to(tokens_blc.dtype).expand(len(image), -1, -1)
        whole = torch.cat((tokens_blc[:, :middle], token, tokens_blc[:, middle:]), dim=1)
        return whole + self.pos_embed, grid

    def stream(self, image: Tensor) -> Iterator[tuple[Tensor, Tensor, Grid]]:
        """Yield, after every block, its mixer output, the residual that it normalised, and the grid."""
        h_blc, grid = self.embed(image)
        r_blc: Tensor | None = None
        tables = self.rope.tables(self.grid, grid) if self.config.rotary else None
        for block in self.layers:
            h_blc, r_blc = block(h_blc, r_blc, grid, tables)
            yield h_blc, r_blc, grid

    def _check(self, image: Tensor) -> Grid:
        """Return the grid of `image`, or raise ValueError where this model cannot take its size."""
        size = (image.shape[2], image.shape[3])
        grid = self.config.grid(size)
        fits = size == self.image_size or (
            self.config.any_size and (grid == self.grid or not self.config.class_token)
        )
        if not fits:
            raise ValueError(
                f"this network was built for {self.image_size[0]}x{self.image_size[1]} images and got "
                f"{size[0]}x{size[1]}; build it with image_size=({size[0]}, {size[1]})"
            )
        return grid


class PlainClassifier(PlainTrunk):
    """Trunk, final norm, pooling and linear head."""

    def __init__(self, config: PlainConfig, mixer: Mixer, *, image_size: Grid, classes: int) -> None:
        super().__init__(config, mixer, image_size=image_size)
        self.norm_f = RMSNorm(config.width)
        self.head = nn.Linear(config.width, classes)
        initialise(self)

    def forward_features(self, image: Tensor) -> Tensor:
        """Return the normalised tokens (b, l, c), class token included."""
        return self._normed(*self._last(image))

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (b, classes) of `image` (b, 3, H, W)."""
        h_blc, r_blc = self._last(image)
        if self.config.class_token:
            middle = (h_blc.shape[1] - 1) // 2
            pooled_bc = self._normed(h_blc[:, middle], r_blc[:, middle])
        else:
            pooled_bc = self._normed(h_blc, r_blc).mean(dim=1)
        logits: Tensor = self.head(pooled_bc)
        return logits

    def _last(self, image: Tensor) -> tuple[Tensor, Tensor]:
        # unpacking the stream would keep the tensors of all blocks until the last one
        for h_blc, r_blc, _ in self.stream(image):  # noqa: B007 -- the last ones are used
            pass
        return h_blc, r_blc

    def _normed(self, h: Tensor, r: Tensor) -> Tensor:
        normed: Tensor = self.norm_f(r + self.last_drop_path(h))
        return normed.to(h.dtype)


@dataclass(frozen=True)
class Dense:
    """What a backbone returns.

    Attributes:
        out_indices: the blocks that give a map.
        tap: `branch` for the mixer output of a block, `residual` for the residual stream through it,
            `normed` for that stream after `norm_f`.
        out_norms: whether each map has a layer norm of its own.

    """

    out_indices: tuple[int, ...]
    tap: Tap
    out_norms: bool


class PlainBackbone(PlainTrunk):
    """Trunk that returns a map for each of some blocks, for dense prediction, without the class token.

    Attributes:
        channels: width of every map it returns.
        strides: pixels of the image per token of every map it returns.

    """

    def __init__(self, config: PlainConfig, mixer: Mixer, *, image_size: Grid, dense: Dense) -> None:
        super().__init__(config, mixer, image_size=image_size)
        self.dense = dense
        if dense.tap == "normed":
            self.norm_f = RMSNorm(config.width)
        for index in dense.out_indices if dense.out_norms else ():
            self.add_module(f"outnorm_{index}", nn.LayerNorm(config.width))
        self.channels = (config.width,) * len(dense.out_indices)
        self.strides = (config.stride,) * len(dense.out_indices)
        initialise(self)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return one map (b, c, h, w) per chosen block, contiguous."""
        maps = []
        for index, (h_blc, r_blc, grid) in enumerate(self.stream(image)):
            if index in self.dense.out_indices:
                maps.append(self._map(index, self._tapped(h_blc, r_blc), grid))
        return tuple(maps)

    def _tapped(self, h_blc: Tensor, r_blc: Tensor) -> Tensor:
        if self.dense.tap == "branch":
            return h_blc
        total_blc = r_blc + h_blc
        return self.norm_f(total_blc) if self.dense.tap == "normed" else total_blc

    def _map(self, index: int, x_blc: Tensor, grid: Grid) -> Tensor:
        if self.config.class_token:
            middle = (x_blc.shape[1] - 1) // 2
            x_blc = torch.cat((x_blc[:, :middle], x_blc[:, middle + 1 :]), dim=1)
        if self.dense.out_norms:
            x_blc = self.get_submodule(f"outnorm_{index}")(x_blc)
        return x_blc.transpose(1, 2).reshape(len(x_blc), -1, *grid).contiguous()


def initialise(net: PlainTrunk) -> None:
    """Set the start of the papers: LeCun normal patches, truncated normal tables and head."""
    proj = net.patch_embed.proj
    nn.init.trunc_normal_(proj.weight, std=(3 * net.config.patch**2) ** -0.5)
    nn.init.zeros_(proj.bias)  # type: ignore[arg-type]
    nn.init.trunc_normal_(net.pos_embed, std=0.02)
    if net.config.class_token:
        nn.init.trunc_normal_(net.cls_token, std=0.02)
    for name, module in net.named_modules():
        if name == "head" and isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif name.endswith("mixer.out_proj") and isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=5**0.5)
            with torch.no_grad():
                module.weight /= net.config.depth**0.5
