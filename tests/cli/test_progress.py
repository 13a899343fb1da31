"""What a person sees while a suite runs."""

from __future__ import annotations

import io

from bench.cli.progress import Progress
from bench.spec.record import Failed
from tests.records import make_cell

NO_DATA = Failed(
    reason="missing_data", message="ImageNet-1K validation was not found; looked at data. Get it.\nMore."
)
NO_FILE = Failed(reason="missing_weights", message="no file w.pth; correct `weights` in the suite")


def test_a_reason_that_cells_share_is_written_out_once() -> None:
    stream = io.StringIO()
    progress = Progress(4, stream)
    for checkpoint, outcome in (
        ("resnet18", NO_DATA),
        ("resnet50", NO_FILE),
        ("swin_tiny", NO_DATA),
        ("swin_small", NO_DATA),
    ):
        progress.cell_blocked(make_cell(checkpoint, "accuracy"), outcome)
    progress.close()
    first = "resnet18/imagenet/224x224/fp32/accuracy"
    assert stream.getvalue().splitlines() == [
        f"blocked  {first}: missing data: ImageNet-1K validation was not found; looked at data. Get it.",
        "blocked  resnet50/imagenet/224x224/fp32/accuracy: missing weights: no file w.pth; "
        "correct `weights` in the suite",
        f"blocked  swin_tiny/imagenet/224x224/fp32/accuracy: missing data, as {first}",
        f"blocked  swin_small/imagenet/224x224/fp32/accuracy: missing data, as {first}",
    ]
