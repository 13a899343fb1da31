"""Causal depthwise convolution and SiLU along routes: how the branches of Vim and LocalVim begin."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from bench.ops.fusing import fuses
from bench.ops.route_scan.composed import along_routes
from bench.ops.route_scan.inputs import Routes

__all__ = ["route_conv"]


def route_conv(
    u_bld: Tensor, routes: Routes, weight_kdt: Tensor, bias_kd: Tensor, backend: str = "auto"
) -> Tensor:
    """Return SiLU of a causal convolution of every channel along every route, in the order of the routes.

    v[k, s] = silu(bias[k] + sum over t of weight[k, :, t] u[token read at step s - taps + 1 + t]), with 0
    before the first step and at pads (Gu and Dao 2023, figure 3; LocalMamba, Huang et al. 2024).

    Args:
        u_bld: tokens (b, l, d).
        routes: where each step reads.
        weight_kdt: taps of every route and channel (k, d, t), the last one for the step itself.
        bias_kd: (k, d).
        backend: a backend of the selective scan; "triton" reads the tokens where they are.

    Returns:
        v (b, k, s, d) in the dtype of `u_bld`, routes outermost in memory.

    """
    if fuses(backend, u_bld, weight_kdt, bias_kd):
        from bench.ops.route_conv.fused import fused_conv  # noqa: PLC0415 -- Triton may be absent

        return fused_conv(u_bld, routes, weight_kdt, bias_kd)
    count, width, taps = weight_kdt.shape
    u_bed = along_routes(u_bld, routes).transpose(2, 3).flatten(1, 2)
    padded = functional.pad(u_bed, (taps - 1, 0))
    weight, bias = weight_kdt.to(u_bld.dtype), bias_kd.to(u_bld.dtype)
    v_bes = functional.silu(
        functional.conv1d(padded, weight.flatten(0, 1)[:, None], bias.flatten(), groups=count * width)
    )
    v_bkds: Tensor = v_bes.unflatten(1, (count, width))
    return v_bkds.transpose(2, 3)
