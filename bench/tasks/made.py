"""What the record of a score says of a set that the bench made itself."""

from __future__ import annotations

from bench.sets.made import Made
from bench.spec.record import Measured


def told(measured: Measured, made: Made | None) -> Measured:
    """Return the figures with a note on the files they are of, flagged where these are not the known."""
    if made is None:
        return measured
    flags = () if made.published else ("other_encoder",)
    details = {**measured.details, "files": str(made)}
    return measured.model_copy(update={"details": details, "flags": (*measured.flags, *flags)})
