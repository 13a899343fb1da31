"""The reader keeps every printed digit and reports every mistake with its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.catalog.reported import COLUMNS, Known, Reported, reported
from bench.spec.errors import UserError

KNOWN = Known(("mambaout_tiny",), ("imagenet",), ("house",), ("top1_percent", "params", "throughput_img_s"))
HEADER = ",".join(COLUMNS)
GOOD = {
    "id": "paper.tiny.top1",
    "label": "Tiny",
    "checkpoint": "mambaout_tiny",
    "metric": "top1_percent",
    "value": "81.20",
    "unit": "%",
    "task": "imagenet",
    "height_px": "224",
    "width_px": "224",
    "source": "A paper",
}


def line(**cells: str) -> str:
    return ",".join((GOOD | cells).get(name, "") for name in COLUMNS)


def write(folder: Path, *lines: str, name: str = "paper.csv") -> Path:
    (folder / name).write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return folder


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(UserError) as caught:
        reported(folder, KNOWN)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_value_keeps_its_printed_digits(tmp_path: Path) -> None:
    (row,) = reported(write(tmp_path, line(crop_pct="0.9")), KNOWN)
    assert (row.text, str(row.value), row.half_step) == ("81.20", "81.20", Decimal("0.005"))
    assert (row.crop_pct, row.precision, row.batch) == (Decimal("0.9"), None, None)


@pytest.mark.parametrize(
    ("text", "half_step"), [("27", "0.5"), ("26.5", "0.05"), ("82.742", "0.0005"), ("0", "0.5")]
)
def test_half_a_printed_digit(text: str, half_step: str) -> None:
    fields = {name: cell for name, cell in GOOD.items() if name != "value"}
    assert Reported.model_validate({**fields, "text": text}).half_step == Decimal(half_step)


def test_a_row_is_frozen(tmp_path: Path) -> None:
    (row,) = reported(write(tmp_path, line()), KNOWN)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(row, "text", "99")  # noqa: B010


def test_all_mistakes_come_at_once_with_file_line_and_column(tmp_path: Path) -> None:
    write(
        tmp_path,
        line(value="8e1", height_px="tall"),
        line(id="two", checkpoint="mambaout_tinny", metric="top1_precent"),
        line(id="three", metric="params", unit="%"),
        "one,two",
        line(id="four", precision="fp8", protocol="hause", source="", crop_pct="87.5"),
        line(),
        line(),
    )
    write(tmp_path, line(), name="zoo.csv")
    assert mistakes(tmp_path) == [
        r"paper.csv:2:value: String should match pattern '^-?\d+(\.\d+)?$'",
        "paper.csv:2:height_px: Input should be a valid integer, unable to parse string as an integer",
        "paper.csv:3:checkpoint: unknown checkpoint 'mambaout_tinny'; did you mean 'mambaout_tiny'?",
        "paper.csv:3:metric: unknown metric 'top1_precent'; did you mean 'top1_percent'?",
        "paper.csv:4:unit: '%' is not a unit of params; use one of '', 'K', 'M', 'G'",
        "paper.csv:5: 2 cells in a row of 21 columns",
        "paper.csv:6:crop_pct: Input should be less than or equal to 1",
        "paper.csv:6:precision: Input should be 'fp32', 'tf32', 'amp_fp16', 'amp_bf16', 'bf16' or 'fp16'",
        "paper.csv:6:source: Field required",
        "paper.csv:6:protocol: unknown protocol 'hause'; did you mean 'house'?",
        "paper.csv:8:id: 'paper.tiny.top1' is already used at paper.csv:7",
        "zoo.csv:2:id: 'paper.tiny.top1' is already used at paper.csv:7",
    ]


@pytest.mark.parametrize("header", ["", "id,label", HEADER.replace("value", "text")])
def test_other_columns_are_refused(tmp_path: Path, header: str) -> None:
    (tmp_path / "paper.csv").write_text(header + "\n", encoding="utf-8")
    assert mistakes(tmp_path) == [f"paper.csv:1: expected the columns {HEADER}"]


def test_quoted_cells_may_hold_commas(tmp_path: Path) -> None:
    (row,) = reported(write(tmp_path, line(note='"one, two"')), KNOWN)
    assert row.note == "one, two"


def test_an_empty_folder_has_no_rows(tmp_path: Path) -> None:
    assert reported(tmp_path, KNOWN) == ()
