"""Whether two models, or two nights, differ by more than chance on the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.report.choose import sections
from bench.report.paired import paired_tables
from bench.report.table import Table
from tests.records import GPU_BOX, scored

if TYPE_CHECKING:
    from tests.report.conftest import Night

FIRST = "2026-05-01T01:00:00.000+00:00"


def made(night: Night) -> dict[str, Table]:
    (section, *_) = sections(night.cells, night.records)
    return {table.title: table for table in paired_tables(section)}


def add(night: Night, checkpoint: str, right: str, order: str = "images", **fields: Any) -> None:
    night.add(checkpoint, "accuracy", scored(right, order), **fields)


def test_models_of_one_task_are_compared_in_pairs(night: Night) -> None:
    add(night, "mambaout_tiny", "0" * 10 + "1" * 20)
    add(night, "mambaout_small", "1" * 30)
    add(night, "mambaout_base", "1" * 29 + "0")
    add(night, "swin_tiny", "0" * 30)
    (table,) = made(night).values()
    assert table.title == "Pairs of models: ImageNet-1K validation, 224 px, crop 1.0, fp32 (30 images)"
    assert table.rows == (
        ("MambaOut-Small", "MambaOut-Base", "1", "0", "3.33", "1.000", "no"),
        ("MambaOut-Small", "MambaOut-Tiny", "10", "0", "33.33", "0.002", "yes"),
        ("MambaOut-Base", "MambaOut-Tiny", "10", "1", "30.00", "0.012", "yes"),
    )
    assert table.intro.endswith("Told apart: p below 0.017, which is 5 % over the 3 pairs of this group.")


def test_small_p_values_keep_two_digits_down_to_a_bound(night: Night) -> None:
    add(night, "mambaout_tiny", "0" * 1200)
    add(night, "mambaout_small", "1" * 40 + "0" * 1160)
    add(night, "mambaout_base", "1" * 1200)
    (table,) = made(night).values()
    assert [row[5] for row in table.rows] == ["< 1e-12", "< 1e-12", "1.8e-12"]


def test_a_model_alone_on_its_images_makes_no_table(night: Night) -> None:
    add(night, "mambaout_tiny", "110")
    add(night, "mambaout_small", "111", precision="amp_fp16")
    assert made(night) == {}


def test_the_run_before_is_compared_with_this_one(night: Night) -> None:
    add(night, "mambaout_tiny", "1111100000", at=FIRST)
    add(night, "mambaout_tiny", "1111011100")
    (table,) = made(night).values()
    assert table.title == "This run against the one before: ImageNet-1K validation"
    assert table.rows == (
        ("MambaOut-Tiny", "224", "1.0", "fp32", "2026-05-01", "2026-05-02", "10", "3", "1", "0.625"),
    )
    assert table.footnotes == ()


def test_another_software_is_named_and_other_images_are_not_compared(night: Night) -> None:
    older = GPU_BOX.model_copy(update={"torch": "2.11.0"})
    add(night, "mambaout_tiny", "1111", at=FIRST, host=older)
    add(night, "mambaout_tiny", "1111")
    add(night, "swin_tiny", "1111", at=FIRST)
    add(night, "swin_tiny", "1111", "others")
    (table,) = made(night).values()
    assert [row[-4:] for row in table.rows] == [("4", "0", "0", "1.000"), ("—", "—", "—", "—")]
    assert table.footnotes == (
        "torch 2.11.0 against 2.14.1+cu130",
        "other images, or another order, than in the run before",
    )
    assert [row[0] for row in table.rows] == ["MambaOut-Tiny [1]", "Swin-T [2]"]


def test_a_night_without_results_per_image_is_left_out(night: Night) -> None:
    night.add("swin_tiny", "accuracy", {"images": 50_000, "top1_percent": 81.2}, at=FIRST)
    add(night, "swin_tiny", "1111")
    assert made(night) == {}
