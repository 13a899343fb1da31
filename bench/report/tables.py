"""All tables of one machine, in reading order."""

from __future__ import annotations

from collections.abc import Sequence

from bench.catalog.reported import Reported
from bench.report.accuracy import accuracy_tables
from bench.report.choose import Section
from bench.report.complexity import complexity_tables
from bench.report.dense_speed import dense_speed_tables
from bench.report.growth import growth_tables
from bench.report.order import by_family
from bench.report.overview import overview_tables
from bench.report.paired import paired_tables
from bench.report.published import published_table
from bench.report.speed import speed_tables
from bench.report.table import Table


def tables(section: Section, reported: Sequence[Reported]) -> tuple[Table, ...]:
    """Return overview, accuracy, paired, complexity, growth, speed and published-speed tables.

    Empty ones are left out.
    """
    records = by_family(section.records)
    return (
        *overview_tables(records, reported),
        *accuracy_tables(records, reported),
        *paired_tables(section),
        *complexity_tables(records, reported),
        *growth_tables(records),
        *speed_tables(records),
        *dense_speed_tables(records),
        *published_table(records, reported),
    )
