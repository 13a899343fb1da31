"""Size of a network: parameters and multiply-accumulates of one image."""

from __future__ import annotations

from decimal import Decimal

from bench.metrics.metric import Metric

# Counters disagree on norms and activations by about this much; convolutions and matrix products agree.
MACS_SLACK_RATIO = Decimal("0.02")

METRICS = (
    Metric("params", "Parameters", "M", 2, "complexity", False, significant=3),
    Metric("macs", "MACs", "G", 2, "complexity", False, significant=3, slack_ratio=MACS_SLACK_RATIO),
    Metric("macs_performed", "MACs performed", "G", 2, "complexity", False, significant=3),
    Metric("macs_fvcore", "MACs by fvcore", "G", 2, "complexity", False, significant=3),
    Metric("macs_dispatcher", "MACs by torch's dispatcher", "G", 2, "complexity", False, significant=3),
    Metric("macs_disagreement_percent", "Counters apart", "%", 1, "complexity", False),
)
