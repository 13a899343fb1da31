"""Which models of a task are compared in pairs, and which are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.compare.pairs import NEAREST, Group, groups
from bench.spec.record import Measured, Record
from tests.records import scored

MakeRecord = Callable[..., Record]
MODELS = ("mambaout_tiny", "mambaout_small", "mambaout_base")


def names(group: Group) -> list[tuple[str, str]]:
    return [(pair.better.cell.checkpoint, pair.other.cell.checkpoint) for pair in group.pairs]


def test_models_are_paired_the_better_one_first(record: MakeRecord) -> None:
    tiny, small, base = (
        record(outcome=scored(right), checkpoint=key)
        for key, right in zip(MODELS, ("11000000", "11111100", "00111000"), strict=True)
    )
    (group,) = groups([tiny, small, base])
    assert names(group) == [
        ("mambaout_small", "mambaout_base"),
        ("mambaout_small", "mambaout_tiny"),
        ("mambaout_base", "mambaout_tiny"),
    ]
    first = group.pairs[1].found
    assert (first.both, first.only_first, first.only_second, first.neither) == (2, 4, 0, 2)
    assert first.p_value == pytest.approx(0.125)
    assert group.possible == 3
    assert group.threshold == pytest.approx(0.05 / 3)


@pytest.mark.parametrize(
    "other",
    [
        {"precision": "amp_fp16"},
        {"crop_pct": 0.875},
        {"task": "imagenet_real"},
        {"height_px": 288, "width_px": 288},
        {"order": "other images"},
        {"memory_format": "channels_last"},
        {"weights": "random"},
    ],
)
def test_other_conditions_are_another_group(record: MakeRecord, other: dict[str, Any]) -> None:
    one = record(outcome=scored("1100"), checkpoint="mambaout_tiny")
    fields = dict(other)
    outcome = scored("1110", fields.pop("order", "images"))
    second = record(outcome=outcome, checkpoint="mambaout_small", **fields)
    assert groups([one, second]) == ()
    assert len(groups([one, record(outcome=scored("1110"), checkpoint="mambaout_small")])) == 1


def test_the_published_crop_groups_the_models(record: MakeRecord) -> None:
    tiny = record(outcome=scored("1100"), checkpoint="mambaout_tiny")
    swin = record(outcome=scored("1000"), checkpoint="swin_tiny")
    same = record(outcome=scored("1000"), checkpoint="swin_tiny", crop_pct=1.0)
    assert groups([tiny, swin]) == ()
    assert names(groups([tiny, same])[0]) == [("mambaout_tiny", "swin_tiny")]


def test_many_models_are_compared_with_their_neighbours_only(record: MakeRecord) -> None:
    models = [
        record(outcome=scored("1" * right + "0" * (20 - right)), weights=f"w{right}.pth")
        for right in range(12)
    ]
    (group,) = groups(models)
    assert group.possible == 66
    assert group.threshold == pytest.approx(0.05 / 66)
    assert len(group.pairs) == 12 * NEAREST - NEAREST * (NEAREST + 1) / 2
    assert {pair.found.only_first for pair in group.pairs} == set(range(1, NEAREST + 1))


def test_records_without_sound_results_per_image_are_left_out(record: MakeRecord) -> None:
    good = record(outcome=scored("1100"))
    bare = record(values={"images": 4, "top1_correct": 2}, checkpoint="mambaout_small")
    details = {"correct_top1_bits": "not base64!", "order_digest": "images"}
    damaged = record(
        outcome=Measured(values={"images": 4, "top1_correct": 2}, details=details), checkpoint="mambaout_base"
    )
    assert groups([good, bare, damaged]) == ()
