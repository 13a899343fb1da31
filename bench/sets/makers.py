"""Which maker fills the folder of which generated set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.sets import drawn, patterns, quickstart
from bench.sets.writing import Tally

Maker = Callable[[Path, Tally], None]

MAKERS: Mapping[str, Maker] = {
    "quickstart": patterns.make_classes,
    "quickstart_ade20k": quickstart.make_ade20k,
    "quickstart_coco": quickstart.make_coco,
    "shapes": drawn.make_classes,
    "shapes_ade20k": drawn.make_ade20k,
    "shapes_coco": drawn.make_coco,
}
