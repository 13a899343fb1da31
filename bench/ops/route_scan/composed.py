"""The scan along routes from plain operations: sequences laid out, scanned, brought back; differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.ops.route_scan.inputs import RouteInputs, Routes
from bench.ops.selective_scan import selective_scan


def composed_scan(inputs: RouteInputs, backend: str) -> Tensor:
    """Return y (b, k, l, d) with a backend of the selective scan."""
    weights = inputs.weights
    x_bksd = inputs.x if inputs.in_order else along_routes(inputs.x, inputs.routes)
    dtype, (batch, count, steps, width) = x_bksd.dtype, x_bksd.shape
    p_bksq = torch.matmul(x_bksd, weights.x_proj_kqd.to(dtype).transpose(1, 2))
    features_bksr, input_bksn, output_bksn = torch.split(p_bksq, weights.split, dim=-1)
    delta_bksd = torch.matmul(features_bksr, weights.dt_proj_kdr.to(dtype).transpose(1, 2))
    y_bes = selective_scan(
        x_bksd.transpose(2, 3).flatten(1, 2),
        delta_bksd.transpose(2, 3).flatten(1, 2),
        weights.decay_en,
        input_bksn.transpose(2, 3),
        output_bksn.transpose(2, 3),
        weights.skip_e,
        weights.bias_e,
        delta_softplus=True,
        backend=backend,
    )
    y_bksd = y_bes.reshape(batch, count, width, steps).transpose(2, 3)
    back_kl1 = inputs.routes.back_kl.long()[None, :, :, None]
    return y_bksd.gather(2, back_kl1.expand(batch, -1, -1, width))


def along_routes(x_bld: Tensor, routes: Routes) -> Tensor:
    """Return (b, k, s, d): the tokens in the order of every route, zeros for pads."""
    read_ks = routes.read_ks.long()
    x_bksd: Tensor = x_bld[:, read_ks.clamp(min=0)]
    if routes.pads:
        x_bksd = x_bksd * (read_ks >= 0).to(x_bld.dtype)[:, :, None]
    return x_bksd
