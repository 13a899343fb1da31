"""The scan of the package `mamba_ssm`, for users who have it; CUDA only."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from torch import Tensor

from bench.ops.selective_scan.inputs import ScanInputs


def official_scan(inputs: ScanInputs) -> Tensor:
    """Return y (b, d, l) by `mamba_ssm.ops.selective_scan_interface.selective_scan_fn`.

    Its kernel wants u, delta, B and C of one dtype, and A, D and the bias in float32; it has no
    float64. Raises ValueError for float64 tokens.
    """
    if inputs.u_bdl.dtype.itemsize > 4:
        raise ValueError("scan backend 'mamba_ssm' has no float64; use 'torch'")
    scan = import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
    kind = inputs.u_bdl.dtype
    skip_d, bias_d = (None if vector is None else vector.float() for vector in (inputs.skip_d, inputs.bias_d))
    y_bdl = scan(
        inputs.u_bdl,
        inputs.delta_bdl.to(kind),
        inputs.decay_dn.float(),
        inputs.input_bgnl.to(kind),
        inputs.output_bgnl.to(kind),
        skip_d,
        delta_bias=bias_d,
        delta_softplus=inputs.softplus,
    )
    return cast(Tensor, y_bdl)
