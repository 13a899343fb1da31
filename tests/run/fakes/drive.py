# ruff: noqa: T201, ARG002
"""A program that runs cells of the given heights with fake workers, to be interrupted and killed."""

import json
import sys
from pathlib import Path

from bench.catalog import read
from bench.machine.identity import machine_slug, resolve_device
from bench.plan.state import assess
from bench.run.launcher import ForkserverLauncher
from bench.run.recipe import Recipe
from bench.run.schedule import Ports, execute
from bench.run.summary import exit_code
from bench.spec.cell import Cell
from bench.spec.errors import UserError
from bench.spec.record import Failed, Measured
from bench.store.files import Store

with (Path(sys.argv[1]) / "main_ran").open("a") as stream:
    stream.write(f"{__name__}\n")


class Talker:
    """Says on stdout what happens, a line each."""

    def cell_skipped(self, cell: Cell) -> None:
        print(f"skipped {cell.height_px}", flush=True)

    def cell_blocked(self, cell: Cell, outcome: Failed) -> None:
        raise AssertionError

    def cell_started(self, cell: Cell) -> None:
        print(f"started {cell.height_px}", flush=True)

    def cell_finished(self, cell: Cell, outcome: Measured | Failed, wall_s: float) -> None:
        print(f"{outcome.kind} {cell.height_px}", flush=True)


def cell(height_px: int) -> Cell:
    return Cell(
        checkpoint="mambaout_femto",
        task="quickstart",
        task_digest="0" * 12,
        height_px=height_px,
        width_px=224,
        precision="fp32",
        measure="throughput",
        device="cpu",
        protocol="house",
        protocol_digest="0" * 12,
    )


def main() -> int:
    results, heights = Path(sys.argv[1]), [int(text) for text in sys.argv[2:]]
    device, store = resolve_device("cpu"), Store(results)
    recipe = Recipe(read.models(), read.tasks(), read.protocols(), results, device, limit_s=60)
    past = store.history(machine_slug(device))
    planned = assess([cell(height) for height in heights], past, lambda _: None, fresh=False)
    launcher = ForkserverLauncher("fake_worker:by_height", preload=("fake_preload",))
    try:
        summary = execute(planned, "suite", recipe, lambda _: None, Ports(store, launcher, Talker()))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps([len(summary.measured), len(summary.failed), summary.interrupted]), flush=True)
    return exit_code(summary, strict=False)


if __name__ == "__main__":
    sys.exit(main())
