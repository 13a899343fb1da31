"""Exit code 3: a comparison that the suite asks for has failed."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.flow.conftest import Bench

WriteSuite = Callable[..., str]


def test_a_night_that_moved(bench: Bench, write_suite: WriteSuite, tmp_path: Path) -> None:
    suite = write_suite(head="gates: [last_night]")
    assert bench(suite).code == 0
    assert bench(suite, "--fresh").code == 0
    for path in (tmp_path / "results" / "records").rglob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        record["outcome"]["values"]["params"] += 1
        path.write_text(json.dumps(record), encoding="utf-8")
    ended = bench(suite, "--fresh")
    assert ended.code == 3
    assert (
        "comparison failed: mobilenetv3_small/quickstart/32x32/fp32/complexity: changed since the last "
        "night: Parameters from 2,542,857 to 2,542,856"
    ) in ended.err


def test_a_figure_that_misses_every_reported_one(
    bench: Bench, write_suite: WriteSuite, tmp_path: Path
) -> None:
    suite = write_suite(head="gates: [reported]", models="[mambaout_femto]", resolutions="[224]")
    assert bench(suite).code == 0
    report = (tmp_path / "results" / "s.md").read_text(encoding="utf-8")
    assert report.count("| reproduced |") >= 2
    (path,) = (tmp_path / "results" / "records").rglob("*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["outcome"]["values"]["params"] == 7_304_536
    record["outcome"]["values"]["params"] *= 2
    path.write_text(json.dumps(record), encoding="utf-8")
    # nothing is left to measure, and the gate fails all the same, again and again
    for _ in range(2):
        ended = bench(suite)
        assert (ended.code, "1 cell: 0 measured, 1 already done" in ended.err) == (3, True)
        assert (
            "comparison failed: mambaout_femto/quickstart/224x224/fp32/complexity: params 14.609 is above "
            "the 7.3 M of"
        ) in ended.err
