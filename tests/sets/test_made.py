"""A set is there whole or not at all, and a file of it that was changed is found."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.catalog import read
from bench.sets import made
from bench.sets.made import MANIFEST, check, encoded, ensure
from bench.sets.writing import Tally
from bench.spec.card import TaskCard
from bench.spec.errors import BadData

PLAIN = read.tasks()["quickstart"]
SMALL = read.tasks()["quickstart_ade20k"]


def known(root: Path, card: TaskCard = SMALL) -> TaskCard:
    """Return a card with the digests of the set that was made."""
    manifest = json.loads((root / MANIFEST).read_text())
    digests = {"pixels_sha256": manifest["pixels_sha256"], "files_sha256": encoded(manifest["files"])}
    return card.model_copy(update=digests)


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    ensure(SMALL, tmp_path / "val")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    ensure(SMALL, tmp_path / "val")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_killed_generation_leaves_no_half_set(tmp_path: Path) -> None:
    root = tmp_path / "val"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom PIL import Image\n"
        "from bench.catalog import read\nfrom bench.sets.made import ensure\n"
        "save = Image.Image.save\n"
        "def slow(*args, **fields): save(*args, **fields); print('saved', flush=True); time.sleep(60)\n"
        "Image.Image.save = slow\n"
        "ensure(read.tasks()['quickstart'], Path(sys.argv[1]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "saved\n"
        os.kill(child.pid, signal.SIGKILL)
    assert not root.exists()
    ensure(PLAIN, root)
    assert len(list(root.rglob("*.jpg"))) == PLAIN.images


def test_an_interrupted_generation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path, tally: Tally) -> None:
        (folder / "0.jpg").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(made, "MAKERS", {"quickstart": interrupted})
    with pytest.raises(KeyboardInterrupt):
        ensure(PLAIN, tmp_path / "val")
    assert list(tmp_path.iterdir()) == []


def test_the_slower_of_two_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "val"

    def meanwhile(partial: Path, tally: Tally) -> None:
        (partial / "ours").mkdir()
        (root / "theirs").mkdir(parents=True)

    monkeypatch.setattr(made, "MAKERS", {"quickstart": meanwhile})
    ensure(PLAIN, root)
    assert [path.name for path in root.iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["val"]


def test_a_folder_of_another_machine_s_process_of_the_same_number_stays(tmp_path: Path) -> None:
    theirs = tmp_path / f".val.{os.getpid()}.partial"
    theirs.mkdir()
    (theirs / "half").touch()
    ensure(SMALL, tmp_path / "val")
    assert (theirs / "half").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([theirs.name, "val"])


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "quickstart").write_text("a file")
    with pytest.raises(BadData) as caught:
        ensure(PLAIN, tmp_path / "quickstart" / "val")
    assert str(caught.value) == (
        f"the images of quickstart cannot be written to {tmp_path}/quickstart/val (Not a directory); "
        "name another data folder with --data"
    )


def test_progress_counts_images(tmp_path: Path) -> None:
    calls: list[int] = []
    ensure(SMALL, tmp_path / "val", lambda: calls.append(1))
    assert len(calls) == SMALL.images


@pytest.mark.parametrize("harm", ["edited", "lost", "added", "of the same size"])
def test_a_changed_file_is_named_with_the_remedy(harm: str, tmp_path: Path) -> None:
    root = tmp_path / "set"
    ensure(SMALL, root)
    name = "annotations/validation/ADE_val_00000002.png"
    content = (root / name).read_bytes()
    if harm == "edited":
        (root / name).write_bytes(content + b"\0")
    elif harm == "lost":
        (root / name).unlink()
    elif harm == "added":
        name = "images/validation/ADE_val_00000009.jpg"
        (root / name).write_bytes(b"")
    else:
        (root / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadData) as caught:
        ensure(SMALL, root)
    files = 9 if harm == "added" else 8
    assert str(caught.value) == (
        f"{root}: 1 of {files} files are not as they were made ({name}); "
        f"delete the folder {root}, and it is made again"
    )


def test_files_of_another_encoder_are_told_and_other_pictures_refused(tmp_path: Path) -> None:
    root = tmp_path / "set"
    assert ensure(SMALL, root) is None
    card = known(root)
    same = check(card, root)
    assert same is not None
    assert (same.published, str(same)) == (True, "files as published")
    other = check(card.model_copy(update={"files_sha256": "0" * 64}), root)
    assert other is not None
    assert not other.published
    assert str(other).startswith("files of another JPEG library (Pillow ")
    with pytest.raises(BadData, match=r"holds the pictures of another version of .*; delete the folder"):
        check(card.model_copy(update={"pixels_sha256": "0" * 64}), root)


def test_labels_may_be_packed_otherwise_without_a_word(tmp_path: Path) -> None:
    files = {"a.jpg": "1", "b.png": "2"}
    assert encoded(files) == encoded(files | {"b.png": "3"}) != encoded(files | {"a.jpg": "3"})


def test_pictures_that_come_out_otherwise_are_not_kept(tmp_path: Path) -> None:
    card = SMALL.model_copy(update={"pixels_sha256": "0" * 64})
    with pytest.raises(BadData) as caught:
        ensure(card, tmp_path / "set")
    assert "are not those of its card (000000000000), so scores would mean nothing" in str(caught.value)
    assert f"this NumPy ({np.__version__}) computes something else" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "", "[]", '{"pixels_sha256": 1}'])
def test_a_set_without_a_list_of_its_files(content: str | None, tmp_path: Path) -> None:
    root = tmp_path / "set"
    ensure(SMALL, root)
    card = known(root)
    (root / MANIFEST).unlink()
    if content is not None:
        (root / MANIFEST).write_text(content)
    # as older versions made it
    assert check(SMALL, root) is None
    with pytest.raises(BadData, match=r"has no readable list of its files \(made.json\); delete the folder"):
        check(card, root)


def test_the_digest_is_of_names_shapes_and_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(name: str, *planes: np.ndarray) -> str:
        monkeypatch.setattr(made, "MAKERS", {"quickstart": lambda _, tally: tally(name, *planes)})
        root = tmp_path / hashlib.sha256(repr((name, planes)).encode()).hexdigest()
        ensure(PLAIN, root)
        return str(json.loads((root / MANIFEST).read_text())["pixels_sha256"])

    plane = np.arange(6, dtype=np.uint8)
    found = {
        digest("a", plane.reshape(2, 3)),
        digest("b", plane.reshape(2, 3)),
        digest("a", plane.reshape(3, 2)),
        digest("a", plane[::-1].reshape(2, 3)),
        digest("a", plane.reshape(2, 3), plane),
    }
    assert len(found) == 5
