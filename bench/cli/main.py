"""The command line: hands each verb to its function and turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module

from bench.cli.parser import build_parser
from bench.spec.errors import UserError

WRONG_INPUT = 2
INTERRUPTED = 130

# imported when called, so that a quick verb does not pay for a slow one
VERBS = {
    "run": "bench.cli.run",
    "plan": "bench.cli.plan",
    "report": "bench.cli.report",
    "rescore": "bench.cli.rescore",
    "models": "bench.cli.models",
    "complexity": "bench.cli.complexity",
    "doctor": "bench.cli.doctor",
    "schema": "bench.cli.schema",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; errors of the user are shown without a traceback."""
    arguments = build_parser().parse_args(argv)
    try:
        return _call(arguments)
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader of a pipe such as `| head` went away; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _call(arguments: Namespace) -> int:
    code: int = import_module(VERBS[arguments.verb]).main(arguments)
    sys.stdout.flush()
    return code
