"""The cross scan from plain operations: four sequences laid out, scanned, brought back and added."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.ops.cross_scan.inputs import CrossInputs
from bench.ops.selective_scan import selective_scan


def composed_scan(inputs: CrossInputs, backend: str) -> Tensor:
    """Return the sum over the routes (b, h, w, d) with a backend of the selective scan; differentiable."""
    x_bhwd, dtype = inputs.x_bhwd, inputs.x_bhwd.dtype
    u_bkdl = along_routes(x_bhwd)
    p_bkpl = torch.matmul(inputs.x_proj_kpd.to(dtype), u_bkdl)
    features_bkrl, input_bknl, output_bknl = torch.split(p_bkpl, list(inputs.split), dim=2)
    delta_bkdl = torch.matmul(inputs.dt_proj_kdr.to(dtype), features_bkrl)
    y_bel = selective_scan(
        u_bkdl.flatten(1, 2).to(inputs.sum_dtype),
        delta_bkdl.flatten(1, 2),
        inputs.decay_en,
        input_bknl,
        output_bknl,
        inputs.skip_e,
        inputs.bias_e,
        delta_softplus=True,
        backend=backend,
    )
    return merge_routes(y_bel.reshape(u_bkdl.shape), *x_bhwd.shape[1:3])


def along_routes(x_bhwd: Tensor) -> Tensor:
    """Return (b, 4, d, h * w): the map along its rows, along its columns, and both backwards."""
    x_bdhw = x_bhwd.permute(0, 3, 1, 2)
    ahead = torch.stack((x_bdhw.flatten(2), x_bdhw.transpose(2, 3).flatten(2)), dim=1)
    return torch.cat((ahead, ahead.flip(-1)), dim=1)


def merge_routes(y_bkdl: Tensor, height: int, width: int) -> Tensor:
    """Return (b, h, w, d): every value added at the token that its step had read."""
    ahead = y_bkdl[:, :2] + y_bkdl[:, 2:].flip(-1)
    row_bdhw: Tensor = ahead[:, 0].unflatten(-1, (height, width))
    column_bdhw: Tensor = ahead[:, 1].unflatten(-1, (width, height)).transpose(2, 3)
    return (row_bdhw + column_bdhw).permute(0, 2, 3, 1)
