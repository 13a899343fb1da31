"""A YAML file as plain values, with the line of every place in it."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from bench.plan.mistakes import Mistake, Place
from bench.spec.errors import BadSuite

# libyaml parses some ten times as fast; a source build of PyYAML may lack it
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TAG = "tag:yaml.org,2002:"
KINDS = ("null", "bool", "int", "float", "str", "timestamp", "value", "merge", "seq", "map")
PLAIN = frozenset(TAG + kind for kind in KINDS)
MAX_DEPTH = 20
MAX_VALUES = 100_000


@dataclass
class Document:
    """The values of a file, the line of each place, and what is wrong with the YAML itself.

    Numbers are decimal; what YAML 1.1 would read as octal, sexagesimal, date or infinity stays text.
    """

    path: Path
    value: JsonValue = None
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, node: yaml.Node, place: Place = ()) -> JsonValue:
        """Return the value of a node and note the lines of all places in it."""
        self.lines.setdefault(place, _line(node))
        if len(self.lines) > MAX_VALUES or len(place) > MAX_DEPTH:
            raise BadSuite(_too_much(self.path, _line(node)))
        if node.tag not in PLAIN:
            self.mistakes.append(Mistake(place, f"tag {node.tag} is not allowed; remove it"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.add(item, (*place, index)) for index, item in enumerate(node.value)]
        value = _scalar(node)
        if value is None and place:
            self.mistakes.append(Mistake(place, "has no value; give one or remove the line"))
        return value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> JsonValue:
        values: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            line, key = _line(key_node), str(key_node.value)
            inner = (*place, key)
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(Mistake(place, "a field name must be text", line))
            elif key in values:
                first = self.lines[inner]
                self.mistakes.append(Mistake(inner, f"given twice, first on line {first}; remove one", line))
            else:
                self.lines[inner] = line
                values[key] = self.add(value_node, inner)
        return values


def read_document(path: Path) -> Document:
    """Read a YAML file; raises `BadSuite` for one that is missing, not text, or not YAML."""
    document = Document(path)
    node = _compose(path, _text(path))
    if node is not None:
        document.value = document.add(node)
    if document.value is None:
        raise BadSuite(f"{path}:1: the file is empty; see suites/quickstart.yaml for the smallest suite")
    return document


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadSuite(f"{path}: no such file{_nearest(path)}") from None
    except IsADirectoryError:
        raise BadSuite(f"{path}: is a folder; name a suite file in it{_listed(_suites(path))}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadSuite(f"{path}:{line}: is not UTF-8 text; save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadSuite(f"{path}: cannot be read: {reason}") from None


def _nearest(path: Path) -> str:
    """Name a suite beside a path that is none."""
    beside = _suites(path.parent)
    near = difflib.get_close_matches(str(path), beside, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else _listed(beside)


def _suites(folder: Path) -> list[str]:
    return sorted(str(found) for found in folder.glob("*.yaml"))


def _listed(suites: list[str]) -> str:
    return f"; suites there: {', '.join(suites[:8])}" if suites else ""


def _compose(path: Path, text: str) -> yaml.Node | None:
    try:
        _refuse_depth(path, text)
        node: yaml.Node | None = SAFE_LOADER(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise BadSuite(_broken(path, text, error)) from None
    except yaml.YAMLError as error:
        raise BadSuite(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return node


def _refuse_depth(path: Path, text: str) -> None:
    """Look at the nesting before anything recursive does: libyaml's composer would overflow the stack."""
    depth = 0
    for event in yaml.parse(text, SAFE_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise BadSuite(_too_much(path, _line(event)))


def _too_much(path: Path, line: int) -> str:
    return f"{path}:{line}: too many or too deeply nested values for a suite"


def _broken(path: Path, text: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    written = text.splitlines()[line : line + 1]
    tab = "; YAML wants spaces, not tabs" if written and "\t" in written[0] else ""
    return f"{path}:{line + 1}: column {column + 1}: not YAML: {error.problem or error.context}{tab}"


def _line(part: yaml.Node | yaml.Event) -> int:
    return int(part.start_mark.line) + 1 if part.start_mark else 1


def _scalar(node: yaml.Node) -> JsonValue:
    text, kind = str(node.value), node.tag.removeprefix(TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("yes", "true", "on")
    if kind == "int" and re.fullmatch(r"[-+]?(0|[1-9]\d{0,17})", text):
        return int(text)
    if kind == "float" and re.fullmatch(r"[-+]?\d*\.?\d*(e[-+]?\d+)?", text, re.IGNORECASE):
        return float(text) if math.isfinite(float(text)) else text
    return text
