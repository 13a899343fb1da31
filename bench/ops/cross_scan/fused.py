"""The cross scan on CUDA: tokens found by index arithmetic, so that the map is never copied.

A route only permutes tokens, so one matrix product projects the map for all routes. With one state the
scan kernel also makes the step sizes, of which only the r features are read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.ops.cross_scan.inputs import ROUTES, CrossInputs
from bench.ops.selective_scan.triton_launch import Launch, start
from bench.ops.selective_scan.triton_plan import ScanPlan, segment_count

_FEW_TOKENS = 64


def choose_cross_plan(inputs: CrossInputs) -> ScanPlan:
    """Return the launch for `inputs`: tiles with their own step sizes for one state, else a walk."""
    batch, height, columns, width = inputs.x_bhwd.shape
    if inputs.decay_en.shape[1] == 1:
        plan = ScanPlan("tile", rows=64 if height * columns <= _FEW_TOKENS else 32, warps=1, tile=16)
    else:
        plan = ScanPlan("walk", rows=32, warps=1)
    warps = batch * ROUTES * -(-width // plan.rows) * plan.warps
    return plan._replace(segments=segment_count(warps, height * columns))


def fused_scan(inputs: CrossInputs, plan: ScanPlan | None = None) -> Tensor:
    """Return the sum over the routes (b, h, w, d), without gradients."""
    plan = plan or choose_cross_plan(inputs)
    batch, height, columns, width = inputs.x_bhwd.shape
    x_bld = inputs.x_bhwd.reshape(batch, height * columns, width).contiguous()
    rank, states, _ = inputs.split
    p_blq = x_bld @ inputs.x_proj_kpd.flatten(0, 1).to(x_bld.dtype).t()
    p_bkpl = p_blq.unflatten(2, (ROUTES, -1)).permute(0, 2, 3, 1)
    features_bkrl, input_bknl, output_bknl = torch.split(p_bkpl, [rank, states, states], dim=2)
    dt_proj_kdr = inputs.dt_proj_kdr.to(x_bld.dtype)
    fused = plan.kernel == "tile"
    y_bkld = torch.empty((batch, ROUTES, *x_bld.shape[1:]), dtype=x_bld.dtype, device=x_bld.device)
    launch = Launch(
        u_bgcl=x_bld.transpose(1, 2)[:, None].expand(-1, ROUTES, -1, -1),
        delta_bgcl=features_bkrl if fused else _step_sizes(features_bkrl, dt_proj_kdr),
        decay_dn=inputs.decay_en,
        input_bgnl=input_bknl,
        output_bgnl=output_bknl,
        skip_d=inputs.skip_e,
        bias_d=inputs.bias_e,
        softplus=True,
        y_bgcl=y_bkld.transpose(2, 3),
        state_dtype=inputs.sum_dtype,
        map_size=(height, columns),
        project_dr=dt_proj_kdr.flatten(0, 1) if fused else None,
    )
    start(launch, plan)
    return y_bkld.sum(1, dtype=inputs.sum_dtype).reshape(inputs.x_bhwd.shape)


def _step_sizes(features_bkrl: Tensor, dt_proj_kdr: Tensor) -> Tensor:
    """Return step sizes before bias and softplus, (b, k, d, l) with channels together in memory."""
    delta_bkld = torch.matmul(features_bkrl.transpose(2, 3), dt_proj_kdr.transpose(1, 2))
    return delta_bkld.transpose(2, 3)
