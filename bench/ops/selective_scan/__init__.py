# ruff: noqa: N803 -- A, B, C and D are the names of the papers and of every published call
"""The selective scan: one signature, several backends, the same function."""

from __future__ import annotations

from torch import Tensor

from bench.ops.selective_scan.backends import BACKENDS, implementation, resolve_backend
from bench.ops.selective_scan.inputs import check_inputs

__all__ = ["BACKENDS", "resolve_backend", "selective_scan"]


def selective_scan(  # noqa: PLR0913, PLR0917 -- the operator has nine operands
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    backend: str = "auto",
) -> Tensor:
    """Scan every channel with steps, inputs and read-outs that depend on the token.

    With `dt_t = delta_t + delta_bias`, through softplus where asked, and `h_0 = 0`:

        h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t        y_t = sum_n C_t h_t + D u_t

    The input term is the simplification `dt B` that the models use (Gu and Dao 2023, section 3.5.2,
    and their code), not the zero-order hold `(dt A)^-1 (exp(dt A) - I) dt B` of the same paper's
    equation 4; see `README.md` of this package. State and sums are float32, or float64 if `u` is.

    Args:
        u: tokens (b, d, l), any floating dtype and any strides.
        delta: step sizes before bias and softplus, (b, d, l).
        A: decay rates (d, n), real and negative.
        B: input weights (b, g, n, l); d is a multiple of g and channel i uses group i // (d // g).
        C: output weights, shaped as B.
        D: skip weights (d,), or None for no skip.
        delta_bias: added to delta before softplus, (d,), or None.
        delta_softplus: apply softplus to the step sizes, with the identity above 20 as in torch.
        backend: a name of `BACKENDS`, or "auto" for the fastest that can take the device of `u`.

    Returns:
        y of shape (b, d, l) in the dtype of `u`. Gradients flow to all seven tensors.

    Raises:
        ValueError: shapes, dtypes or devices do not fit, or the backend is unknown or cannot run here.

    """
    inputs = check_inputs(u, delta, A, B, C, D, delta_bias, delta_softplus)
    return implementation(resolve_backend(backend, u))(inputs)
