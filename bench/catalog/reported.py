"""Numbers that papers, repositories and logs report, one row of a CSV file per printed value."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import Field, PositiveInt, ValidationError

from bench.catalog import read
from bench.metrics.registry import metrics
from bench.metrics.units import same_kind, units_like
from bench.spec.base import Spec
from bench.spec.cell import MemoryFormat, Mode, Precision
from bench.spec.errors import UserError, did_you_mean

FOLDER = Path(__file__).parent / "reported"


class Reported(Spec):
    """One printed number and the conditions its source states; None is "not stated".

    `text` is the number exactly as printed, in `unit`. `checkpoint` is a catalog key, or None
    where the catalog has no such checkpoint and the row is for reference only. `label` and
    `variant` are the source's own words. `protocol` is set where the source measured by one of ours.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._+-]*$")
    label: str
    variant: str | None = None
    checkpoint: str | None = None
    metric: str
    text: str = Field(pattern=r"^-?\d+(\.\d+)?$")
    unit: str
    task: str
    height_px: PositiveInt
    width_px: PositiveInt
    crop_pct: Decimal | None = Field(default=None, gt=0, le=1)
    precision: Precision | None = None
    batch: PositiveInt | None = None
    mode: Mode | None = None
    memory_format: MemoryFormat | None = None
    hardware: str | None = None
    protocol: str | None = None
    source: str
    source_version: str | None = None
    where: str | None = None
    note: str | None = None

    @property
    def value(self) -> Decimal:
        """The number with every printed digit: "81.20" stays 81.20."""
        return Decimal(self.text)

    @property
    def half_step(self) -> Decimal:
        """Half a unit of the last printed digit, in `unit`."""
        return Decimal((0, (5,), int(self.value.as_tuple().exponent) - 1))


COLUMNS = tuple("value" if name == "text" else name for name in Reported.model_fields)


@dataclass(frozen=True, slots=True)
class Known:
    """The names that rows may use."""

    checkpoint: tuple[str, ...]
    task: tuple[str, ...]
    protocol: tuple[str, ...]
    metric: tuple[str, ...]


def catalog_names() -> Known:
    """Return the names of the bundled catalog."""
    return Known(tuple(read.every_model()), tuple(read.tasks()), tuple(read.protocols()), tuple(metrics()))


@cache
def reported(folder: Path = FOLDER, known: Known | None = None) -> tuple[Reported, ...]:
    """Return every row of every CSV file of a folder, in the order of the files.

    Raises `UserError` with all mistakes of all files, one a line as `file:line:column: mistake`.
    """
    names = catalog_names() if known is None else known
    rows: list[Reported] = []
    mistakes: list[str] = []
    first_use: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv")):
        for place, cells in _lines(path, mistakes):
            row = _parse(place, cells, mistakes)
            mistakes += _unknown_names(place, cells, names)
            if row is None:
                continue
            if row.id in first_use:
                mistakes.append(f"{place}:id: {row.id!r} is already used at {first_use[row.id]}")
            first_use.setdefault(row.id, place)
            rows.append(row)
    if mistakes:
        raise UserError("\n".join(mistakes))
    return tuple(rows)


def _lines(path: Path, mistakes: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = tuple(next(reader, ()))
        if header != COLUMNS:
            mistakes.append(f"{path}:1: expected the columns {','.join(COLUMNS)}")
            return
        for cells in reader:
            place = f"{path}:{reader.line_num}"
            if len(cells) == len(header):
                yield place, dict(zip(header, cells, strict=True))
            else:
                mistakes.append(f"{place}: {len(cells)} cells in a row of {len(header)} columns")


def _parse(place: str, cells: Mapping[str, str], mistakes: list[str]) -> Reported | None:
    values = {"text" if name == "value" else name: text for name, text in cells.items() if text}
    # counts have no unit, so an empty cell says something here
    values["unit"] = cells["unit"]
    try:
        return Reported.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            column = "value" if item["loc"] == ("text",) else item["loc"][0]
            mistakes.append(f"{place}:{column}: {item['msg']}")
        return None


def _unknown_names(place: str, cells: Mapping[str, str], known: Known) -> Iterator[str]:
    for field in fields(known):
        name, names = cells[field.name], getattr(known, field.name)
        if name and name not in names:
            yield f"{place}:{field.name}: unknown {field.name} {name!r}{did_you_mean(name, names)}"
    metric = metrics().get(cells["metric"])
    if metric and not same_kind(cells["unit"], metric.unit):
        allowed = ", ".join(repr(unit) for unit in units_like(metric.unit))
        yield f"{place}:unit: {cells['unit']!r} is not a unit of {metric.name}; use one of {allowed}"
