# mypy: disable-error-code="untyped-decorator"
"""The scan along routes on CUDA: the kernel looks up each step's token, so that no sequence is laid out.

A route only permutes tokens, so where all routes share the tokens one matrix product projects them for
all. With one state the scan kernel also makes the step sizes, of which only the r features are read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.ops.fusing import opaque
from bench.ops.route_scan.inputs import RouteInputs
from bench.ops.selective_scan.triton_launch import Launch, start
from bench.ops.selective_scan.triton_plan import ScanPlan, segment_count, walk_plan

_FEW_TOKENS = 64


def choose_route_plan(inputs: RouteInputs) -> ScanPlan:
    """Return the launch for `inputs`: tiles with their own step sizes for one state, else a walk."""
    batch, width = inputs.x.shape[0], inputs.x.shape[-1]
    count, steps = inputs.routes.read_ks.shape
    if inputs.weights.decay_en.shape[1] > 1:
        return walk_plan(batch * count, width, steps)
    plan = ScanPlan("tile", rows=64 if steps <= _FEW_TOKENS else 32, warps=1, tile=16)
    return plan._replace(segments=segment_count(batch * count * -(-width // plan.rows), steps))


@opaque
def fused_scan(inputs: RouteInputs, plan: ScanPlan | None = None) -> Tensor:
    """Return y (b, k, l, d), without gradients."""
    plan = plan or choose_route_plan(inputs)
    x, routes, weights = inputs
    batch, width = x.shape[0], x.shape[-1]
    count, tokens = routes.back_kl.shape
    p_bksq = _project(inputs)
    features_bksr, input_bksn, output_bksn = torch.split(p_bksq, weights.split, dim=-1)
    dt_proj_kdr = weights.dt_proj_kdr.to(x.dtype)
    makes_steps = plan.kernel == "tile"
    delta_bksd = features_bksr if makes_steps else _step_sizes(features_bksr, dt_proj_kdr)
    u_bksd = x if inputs.in_order else x[:, None].expand(-1, count, -1, -1)
    y_bkld = torch.empty((batch, count, tokens, width), dtype=x.dtype, device=x.device)
    launch = Launch(
        u_bgcl=u_bksd.transpose(2, 3),
        delta_bgcl=delta_bksd.transpose(2, 3),
        decay_dn=weights.decay_en,
        input_bgnl=input_bksn.transpose(2, 3),
        output_bgnl=output_bksn.transpose(2, 3),
        skip_d=weights.skip_e,
        bias_d=weights.bias_e,
        softplus=True,
        y_bgcl=y_bkld.transpose(2, 3),
        state_dtype=inputs.state_dtype,
        read_gs=None if inputs.in_order else routes.read_ks,
        write_gs=routes.write_ks,
        project_dr=dt_proj_kdr.flatten(0, 1) if makes_steps else None,
    )
    start(launch, plan)
    return y_bkld


def _project(inputs: RouteInputs) -> Tensor:
    """Return step features, input and output weights (b, k, s or l, q)."""
    x, weight_kqd = inputs.x, inputs.weights.x_proj_kqd.to(inputs.x.dtype)
    if inputs.in_order:
        batch = x.shape[0]
        rows_kmd = x.transpose(0, 1).flatten(1, 2)
        p_kmq = torch.bmm(rows_kmd, weight_kqd.transpose(1, 2))
        p_kbsq: Tensor = p_kmq.unflatten(1, (batch, -1))
        return p_kbsq.transpose(0, 1)
    p_blkq: Tensor = (x @ weight_kqd.flatten(0, 1).t()).unflatten(2, (len(weight_kqd), -1))
    return p_blkq.transpose(1, 2)


def _step_sizes(features_bksr: Tensor, dt_proj_kdr: Tensor) -> Tensor:
    """Return step sizes before bias and softplus, (b, k, s, d), routes outermost in memory."""
    batch, steps = features_bksr.shape[0], features_bksr.shape[2]
    rows_kmr = features_bksr.transpose(0, 1).reshape(len(dt_proj_kdr), batch * steps, -1)
    delta_kmd = torch.bmm(rows_kmr, dt_proj_kdr.transpose(1, 2))
    delta_kbsd: Tensor = delta_kmd.unflatten(1, (batch, steps))
    return delta_kbsd.transpose(0, 1)
