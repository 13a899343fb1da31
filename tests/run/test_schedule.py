"""From planned cells to records, with a launcher that gives canned answers and a clock that ticks."""

import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

import bench
from bench.machine import git
from bench.machine.identity import Device, cpu_name, machine_slug, usable_cpu_count
from bench.plan.state import PlannedCell, State
from bench.run.ending import Ended
from bench.run.launcher import ServerLost
from bench.run.recipe import Recipe
from bench.run.schedule import Ports, execute
from bench.run.summary import Summary
from bench.spec.cell import Cell
from bench.spec.errors import Busy, CellError, MissingData, MissingWeights, UserError
from bench.spec.job import Job, Report
from bench.spec.record import Failed, Host, Measured, Record
from bench.store.files import Store
from bench.store.lock import one_writer

MakeCell = Callable[..., Cell]
Run = Callable[..., Summary]

CRASH = Failed(reason="crash", message="the worker was ended by SIGSEGV", log_tail="tail")
HOST = Host(
    machine="as the worker calls it", device="cpu", cpu="W", cpu_count=9, os="O", python="3", torch="2.14"
)
GOOD = Report(
    outcome=Measured(values={"img_s": 100.5}),
    host=HOST,
    switches={"tf32": False},
    data_fingerprint="f" * 12,
    weights_sha256="a" * 64,
    data_listing="tar:0",
)


class Clock:
    """Starts at a fixed moment; every look at the time of day takes a second, at the other 2.5 s."""

    def __init__(self) -> None:
        self._utc, self._passed_s = datetime(2026, 3, 4, 5, 6, 7, 89_000, UTC), 0.0

    def utc(self) -> datetime:
        self._utc += timedelta(seconds=1)
        return self._utc

    def passed_s(self) -> float:
        self._passed_s += 2.5
        return self._passed_s


class CannedLauncher:
    """Answers by the height of the cell: with what is given, raised where it is an exception."""

    def __init__(self, answers: Mapping[int, Sequence[Ended | BaseException]]) -> None:
        self._answers = {height: list(listed) for height, listed in answers.items()}
        self.jobs: list[Job] = []

    def launch(self, job: Job, log: Path) -> Ended:
        assert log.read_bytes() == b""
        self.jobs.append(job)
        answers = self._answers.get(job.cell.height_px, [GOOD])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Notes:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def cell_skipped(self, cell: Cell) -> None:
        self.told.append(("skipped", cell.height_px))

    def cell_blocked(self, cell: Cell, outcome: Failed) -> None:
        self.told.append(("blocked", cell.height_px, outcome.reason))

    def cell_started(self, cell: Cell) -> None:
        self.told.append(("started", cell.height_px))

    def cell_finished(self, cell: Cell, outcome: Measured | Failed, wall_s: float) -> None:
        self.told.append(("finished", cell.height_px, outcome.kind, wall_s))


class Bench:
    """Everything around `execute`."""

    def __init__(self, root: Path, recipe: Recipe, make_cell: MakeCell) -> None:
        self.store, self.recipe, self.cell = Store(root), recipe, make_cell
        self.notes, self.clock = Notes(), Clock()
        self.launcher = CannedLauncher({})

    def run(
        self,
        states: Mapping[int, State],
        answers: Mapping[int, Sequence[Ended | BaseException]] | None = None,
        error: CellError | None = None,
    ) -> Summary:
        self.launcher = CannedLauncher(answers or {})
        planned = [PlannedCell(self.cell(height), state, "", None) for height, state in states.items()]
        ports = Ports(self.store, self.launcher, self.notes, self.clock)
        return execute(planned, "night", self.recipe, lambda _: error, ports)

    def records(self) -> tuple[Record, ...]:
        records, problems = self.store.records()
        assert problems == ()
        return tuple(sorted(records, key=lambda record: record.provenance.started_utc))

    def name(self, *heights: int) -> list[str]:
        return [self.cell(height).name for height in heights]


@pytest.fixture
def harness(tmp_path: Path, recipe: Recipe, make_cell: MakeCell) -> Bench:
    return Bench(tmp_path / "results", recipe, make_cell)


def test_a_measured_cell_becomes_a_record_with_full_provenance(harness: Bench) -> None:
    summary = harness.run({224: "ready"})
    assert summary == Summary(measured=harness.name(224))
    (record,) = harness.records()
    recipe, cell = harness.recipe, harness.cell(224)
    commit, dirty = git.revision()
    assert record.cell == cell
    assert record.cell_key == cell.key
    assert record.outcome == GOOD.outcome
    assert record.host == HOST.model_copy(update={"machine": machine_slug(recipe.device)})
    assert record.provenance.model_dump() == {
        "bench_version": bench.__version__,
        "git_commit": commit,
        "git_dirty": dirty,
        "suite": "night",
        "started_utc": "2026-03-04T05:06:08.089+00:00",
        "run_started_utc": record.provenance.run_started_utc,
        "wall_s": 2.5,
        "protocol": recipe.protocols["house"].model_dump(),
        "card": recipe.models["mambaout_femto"].model_dump(),
        "task": recipe.tasks["quickstart"].model_dump(),
        "switches": {"tf32": False},
        "data_fingerprint": "f" * 12,
        "weights_sha256": "a" * 64,
        "eval_batch": None,
        "loader_workers": None,
        "allowed_corrupt": None,
        "scan_backend": None,
        "true_inverse": None,
        "data_listing": "tar:0",
    }
    assert record.provenance.run_started_utc is not None
    run_started = datetime.fromisoformat(record.provenance.run_started_utc)
    assert abs(datetime.now(UTC) - run_started) < timedelta(minutes=5)
    assert harness.notes.told == [("started", 224), ("finished", 224, "measured", 2.5)]
    assert list(harness.store.history(machine_slug(recipe.device))) == [cell.key]


def test_all_records_of_a_run_name_its_start(harness: Bench) -> None:
    harness.run({224: "ready", 288: "ready"})
    harness.run({384: "ready"})
    first, second, third = (record.provenance.run_started_utc for record in harness.records())
    assert first == second != third


def test_accuracy_says_how_its_images_were_read(harness: Bench) -> None:
    cell = harness.cell(224).model_copy(update={"measure": "accuracy"})
    harness.cell = lambda _: cell
    harness.recipe = replace(harness.recipe, eval_batch=32, loader_workers=2, allowed_corrupt=1)
    harness.run({224: "ready"})
    (record,) = harness.records()
    provenance = record.provenance
    assert (provenance.eval_batch, provenance.loader_workers, provenance.allowed_corrupt) == (32, 2, 1)


def test_the_job_holds_what_the_recipe_says(harness: Bench) -> None:
    harness.run({224: "ready"})
    recipe = harness.recipe
    assert harness.launcher.jobs == [
        Job(
            cell=harness.cell(224),
            card=recipe.models["mambaout_femto"],
            protocol=recipe.protocols["house"],
            task=recipe.tasks["quickstart"],
            data_dir=str(recipe.data_dir),
            device="cpu",
            limit_s=60,
        )
    ]


def test_a_failing_cell_stops_nothing(harness: Bench) -> None:
    summary = harness.run({224: "ready", 256: "ready", 288: "ready"}, {256: [CRASH]})
    assert summary == Summary(measured=harness.name(224, 288), failed=harness.name(256))
    assert [record.outcome.kind for record in harness.records()] == ["measured", "failed", "measured"]


def test_where_the_worker_died_the_host_is_what_the_parent_sees(harness: Bench) -> None:
    harness.run({224: "ready"}, {224: [CRASH]})
    (record,) = harness.records()
    host = record.host
    assert record.outcome == CRASH
    assert (host.machine, host.cpu) == (machine_slug(harness.recipe.device), cpu_name())
    assert (host.cpu_count, host.device, host.gpu) == (usable_cpu_count(), "cpu", None)
    assert (host.torch, host.driver, record.provenance.switches) == (None, None, {})


def test_the_gpu_of_a_dead_worker_is_known(tmp_path: Path, recipe: Recipe, make_cell: MakeCell) -> None:
    device = Device("cuda", 1, "NVIDIA H100 80GB HBM3", "GPU-1")
    recipe = Recipe(recipe.models, recipe.tasks, recipe.protocols, tmp_path, device, limit_s=60)
    harness = Bench(tmp_path, recipe, make_cell)
    harness.run({224: "ready"}, {224: [CRASH]})
    (record,) = harness.records()
    assert (record.host.machine, record.host.gpu) == ("nvidia-h100-80gb-hbm3", "NVIDIA H100 80GB HBM3")
    assert harness.launcher.jobs[0].device == "cuda:1"


def test_done_cells_are_skipped_and_need_no_folder(harness: Bench) -> None:
    summary = harness.run({224: "done", 256: "done"})
    assert summary == Summary(skipped_done=harness.name(224, 256))
    assert harness.notes.told == [("skipped", 224), ("skipped", 256)]
    assert not harness.store.root.exists()


def test_done_cells_are_skipped_among_others(harness: Bench) -> None:
    summary = harness.run({224: "done", 256: "ready"})
    assert summary == Summary(measured=harness.name(256), skipped_done=harness.name(224))
    assert len(harness.launcher.jobs) == 1


def test_a_blocked_cell_gets_one_record_however_often_it_is_tried(harness: Bench) -> None:
    for _ in range(3):
        summary = harness.run({224: "blocked"}, error=MissingData("not in ./data"))
        assert summary == Summary(blocked=harness.name(224))
        assert harness.launcher.jobs == []
    (record,) = harness.records()
    assert record.outcome == Failed(reason="missing_data", message="not in ./data")
    assert record.provenance.wall_s == 0
    assert harness.notes.told == [("blocked", 224, "missing_data")] * 3


def test_a_cell_blocked_for_another_reason_gets_another_record(harness: Bench) -> None:
    harness.run({224: "blocked"}, error=MissingData("no data"))
    harness.run({224: "blocked"}, error=MissingWeights("no weights"))
    reasons = [record.outcome.reason for record in harness.records() if isinstance(record.outcome, Failed)]
    assert reasons == ["missing_data", "missing_weights"]


def test_a_cell_blocked_with_another_message_gets_another_record(harness: Bench) -> None:
    for places in ("./data", "./data", "./data, /mnt/data", "./data, /mnt/data"):
        harness.run({224: "blocked"}, error=MissingData(f"looked at {places}"))
    messages = [record.outcome.message for record in harness.records() if isinstance(record.outcome, Failed)]
    assert messages == ["looked at ./data", "looked at ./data, /mnt/data"]


def test_a_cell_that_is_no_longer_blocked_is_measured(harness: Bench) -> None:
    assert harness.run({224: "blocked"}, error=None) == Summary(measured=harness.name(224))


def test_what_a_worker_lacks_is_blocked_not_failed(harness: Bench) -> None:
    lacking = Failed(reason="missing_weights", message="offline")
    summary = harness.run({224: "ready"}, {224: [GOOD.model_copy(update={"outcome": lacking})]})
    assert summary == Summary(blocked=harness.name(224))


def test_a_lost_server_gives_the_cell_one_more_try(harness: Bench) -> None:
    summary = harness.run({224: "ready"}, {224: [ServerLost("gone"), GOOD]})
    assert summary == Summary(measured=harness.name(224))
    assert len(harness.launcher.jobs) == 2
    assert len(harness.records()) == 1


def test_a_server_lost_twice_fails_the_cell_only(harness: Bench) -> None:
    summary = harness.run({224: "ready", 256: "ready"}, {224: [ServerLost("gone")]})
    assert summary == Summary(measured=harness.name(256), failed=harness.name(224))
    assert len(harness.launcher.jobs) == 3
    assert harness.records()[0].outcome == Failed(reason="crash", message="gone, at the second try too")


def test_a_failed_measurement_is_not_tried_again(harness: Bench) -> None:
    harness.run({224: "ready"}, {224: [CRASH, GOOD]})
    assert len(harness.launcher.jobs) == 1


def test_an_interrupt_leaves_no_record_of_its_cell(harness: Bench) -> None:
    states: dict[int, State] = {224: "ready", 256: "ready", 288: "ready"}
    summary = harness.run(states, {256: [KeyboardInterrupt()]})
    assert summary == Summary(measured=harness.name(224), interrupted=True)
    assert [record.cell.height_px for record in harness.records()] == [224]
    assert harness.notes.told[-1] == ("started", 256)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_record_is_written_loses_nothing(
    harness: Bench, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    link = os.link

    def signalled_link(source: Path, target: Path) -> None:
        os.kill(os.getpid(), number)
        link(source, target)

    monkeypatch.setattr(os, "link", signalled_link)
    summary = harness.run({224: "ready", 256: "ready"})
    assert summary == Summary(measured=harness.name(224), interrupted=True)
    assert len(harness.records()) == 1
    assert harness.notes.told[-1] == ("finished", 224, "measured", 2.5)


def test_a_full_disk_stops_the_run_and_tells_what_is_kept(
    harness: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.run({224: "ready"})

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = harness.store.folder / machine_slug(harness.recipe.device) / "mambaout_femto"
    states: dict[int, State] = {256: "ready", 288: "ready"}
    finish, told = harness.notes.cell_finished, harness.notes.told

    def fill_after_the_first(*arguments: Any) -> None:
        finish(*arguments)
        monkeypatch.setattr("bench.store.atomic._write_through", refuse)

    monkeypatch.setattr(harness.notes, "cell_finished", fill_after_the_first)
    with pytest.raises(UserError) as caught:
        harness.run(states)
    assert str(caught.value) == (
        f"{folder}: cannot write results: No space left on device; free some space there or name another "
        "folder with --results DIR, then give the same command again; what was measured before is kept "
        "(1 of this run)"
    )
    assert told[-1] == ("started", 288)
    assert [record.cell.height_px for record in harness.records()] == [224, 256]


def test_a_log_folder_that_cannot_be_made(harness: Bench) -> None:
    harness.store.root.mkdir()
    (harness.store.root / "local").write_text("")
    with pytest.raises(UserError, match="logs: cannot write results: Not a directory; make it writable"):
        harness.run({224: "ready"})


def test_a_number_that_is_not_finite_fails_its_cell_only(harness: Bench) -> None:
    wrong = GOOD.model_copy(update={"outcome": Measured(values={"img_s": float("inf")})})
    summary = harness.run({224: "ready", 256: "ready"}, {224: [wrong]})
    assert summary == Summary(measured=harness.name(256), failed=harness.name(224))
    first = harness.records()[0]
    assert first.outcome == Failed(reason="error", message="not a finite number: outcome.values.img_s is inf")
    assert first.host.torch == "2.14"


def test_two_runs_at_once(harness: Bench) -> None:
    with one_writer(harness.store.root), pytest.raises(Busy, match=f"process {os.getpid()}, since "):
        harness.run({224: "ready"})
    assert harness.launcher.jobs == []
    assert harness.run({224: "ready"}).measured == harness.name(224)


def test_what_is_the_same_everywhere_is_known_on_every_machine(harness: Bench, make_cell: MakeCell) -> None:
    counting, timing = make_cell(measure="complexity"), make_cell()
    planned = [PlannedCell(cell, "ready", "", None) for cell in (counting, timing)]
    ports = Ports(harness.store, harness.launcher, harness.notes, harness.clock)
    execute(planned, "night", harness.recipe, lambda _: None, ports)
    assert {record.cell.measure: record.host.machine for record in harness.records()} == {
        "complexity": "any-machine",
        "throughput": machine_slug(harness.recipe.device),
    }
    assert list(harness.store.history("another-machine")) == [counting.key]
