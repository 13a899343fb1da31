"""YAML as plain values with lines, and files that are no YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.plan.document import read_document
from bench.plan.mistakes import Mistake
from bench.spec.errors import BadSuite


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "suite.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_every_place_has_the_line_of_its_key_or_item(tmp_path: Path) -> None:
    text = "# comment\na: 1\nb:\n  - x\n  - c:\n      d\n\n    e: [f, g]\n"
    document = read_document(write(tmp_path, text))
    assert document.value == {"a": 1, "b": ["x", {"c": "d", "e": ["f", "g"]}]}
    assert document.lines == {
        (): 2,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
        ("b", 1, "e"): 8,
        ("b", 1, "e", 0): 8,
        ("b", 1, "e", 1): 8,
    }
    assert document.mistakes == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("224", 224),
        ("-3", -3),
        ("0.875", 0.875),
        ("1.5e+3", 1500.0),
        ("yes", True),
        ("off", False),
        ("800x1280", "800x1280"),
        ("0224", "0224"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1:30.5", "1:30.5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("2026-01-02", "2026-01-02"),
        ("'7'", "7"),
    ],
)
def test_scalars_that_yaml_would_surprise_with_stay_text(tmp_path: Path, text: str, value: object) -> None:
    found = read_document(write(tmp_path, f"a: {text}\n")).value
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_keys_are_text_whatever_yaml_takes_them_for(tmp_path: Path) -> None:
    assert read_document(write(tmp_path, "on: 1\n224: 2\n")).value == {"on": 1, "224": 2}


def test_mistakes_of_the_yaml_itself_are_collected(tmp_path: Path) -> None:
    text = "a: !!python/object:os.system x\nb: ~\nc: 1\nc: 2\n? [k]\n: 3\nd: !mine [4]\n"
    document = read_document(write(tmp_path, text))
    assert document.value == {"a": "x", "b": None, "c": 1, "d": [4]}
    assert document.mistakes == [
        Mistake(("a",), "tag tag:yaml.org,2002:python/object:os.system is not allowed; remove it"),
        Mistake(("b",), "has no value; give one or remove the line"),
        Mistake(("c",), "given twice, first on line 3; remove one", 4),
        Mistake((), "a field name must be text", 5),
        Mistake(("d",), "tag !mine is not allowed; remove it"),
    ]


def test_anchors_repeat_a_value(tmp_path: Path) -> None:
    document = read_document(write(tmp_path, "a: &x [1, 2]\nb: *x\n"))
    assert document.value == {"a": [1, 2], "b": [1, 2]}
    assert document.lines["b",] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ":1: the file is empty; see suites/quickstart.yaml for the smallest suite"),
        ("# only a comment\n", ":1: the file is empty; see suites/quickstart.yaml for the smallest suite"),
        ("---\n", ":1: the file is empty; see suites/quickstart.yaml for the smallest suite"),
        (b"name: x\ndescription: caf\xe9\n", ":2: is not UTF-8 text; save the file as UTF-8"),
        ("a:\n  " + "[" * 100_000 + "]" * 100_000, ":2: too many or too deeply nested values for a suite"),
        ("a: &x [*x]\n", ":1: too many or too deeply nested values for a suite"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
            ":1: too many or too deeply nested values for a suite",
        ),
    ],
)
def test_files_that_hold_no_suite(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(BadSuite) as caught:
        read_document(path)
    assert str(caught.value) == f"{path}{message}"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("name: x\n\tsweeps: 3\n", ":2: column 1: not YAML: "),
        ("name: 'x\n", ":2: column 1: not YAML: "),
        ("name: x\n---\nname: y\n", ":2: column 1: not YAML: "),
        ("name: @x\n", ":1: column 7: not YAML: "),
        ("name: *x\n", ":1: column 7: not YAML: "),
    ],
)
def test_broken_yaml_is_one_message_with_line_and_column(tmp_path: Path, content: str, place: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(BadSuite) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}{place}")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("; YAML wants spaces, not tabs") == ("\t" in content)


def test_control_characters_are_one_message(tmp_path: Path) -> None:
    path = write(tmp_path, "a: \x00")
    with pytest.raises(BadSuite) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}: not YAML: ")
    assert "\n" not in str(caught.value)


def test_missing_file_names_the_nearest_suite(tmp_path: Path) -> None:
    (tmp_path / "imagenet.yaml").touch()
    (tmp_path / "nightly.yaml").touch()
    with pytest.raises(BadSuite) as caught:
        read_document(tmp_path / "imagnet.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/imagnet.yaml: no such file; did you mean {tmp_path}/imagenet.yaml?"
    )
    with pytest.raises(BadSuite) as caught:
        read_document(Path("nowhere/x.yaml"))
    assert str(caught.value) == "nowhere/x.yaml: no such file"


def test_folder_names_the_suites_in_it(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").touch()
    (tmp_path / "a.yaml").touch()
    with pytest.raises(BadSuite) as caught:
        read_document(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is a folder; name a suite file in it; "
        f"suites there: {tmp_path}/a.yaml, {tmp_path}/b.yaml"
    )


def test_file_below_a_file_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, "name: x\n") / "below.yaml"
    with pytest.raises(BadSuite) as caught:
        read_document(path)
    assert str(caught.value) == f"{path}: cannot be read: Not a directory"
