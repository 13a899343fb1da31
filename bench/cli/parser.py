"""The verbs and options of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import bench
from bench.plan.grammar import EVALUATORS, MAX_SIZE_PX, parse_size

EXIT_CODES = """exit codes:
  0    every planned cell was measured, or is blocked for a reason that is shown
  1    a cell failed, or is blocked under --strict
  2    wrong input: suite, option, record or folder
  3    a comparison failed that the suite's `gates` ask for (1 wins where a cell failed too)
  130  interrupted; the same command goes on where it stopped
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m bench`."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure vision backbones and compare with what was reported.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bench {bench.__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_run(_verb(verbs, "run", "measure every cell of a suite that is not measured yet, then report"))
    _add_plan(_verb(verbs, "plan", "list the cells of a suite: ready, done, or blocked and why"))
    _add_report(_verb(verbs, "report", "write the tables of a suite from its stored records"))
    _add_rescore(_verb(verbs, "rescore", "compute scores again from what records keep, without the model"))
    _add_models(_verb(verbs, "models", "list every checkpoint the catalog knows"))
    _add_complexity(_verb(verbs, "complexity", "count parameters and MACs of one checkpoint"))
    _add_doctor(_verb(verbs, "doctor", "say what this machine can run, and what is missing"))
    _verb(verbs, "schema", "print the JSON Schema of a suite file")
    return parser


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    return verbs.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_suite_options(parser)
    parser.add_argument("--plan", action="store_true", help="only list the cells, as the verb `plan` does")
    parser.add_argument("--json", action="store_true", help="with --plan: print JSON")
    parser.add_argument("--strict", action="store_true", help="count a blocked cell as failed (exit code 1)")
    parser.add_argument("--quiet", action="store_true", help="print errors and the place of the tables only")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    _add_suite_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_suite_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", type=Path, metavar="SUITE.yaml")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only cells whose name matches, such as '*/throughput'; may be given several times",
    )
    parser.add_argument("--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda or cuda:INDEX")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where data sets lie (default: ./data)")
    _add_results(parser)
    parser.add_argument("--fresh", action="store_true", help="measure again what is already measured")
    _add_limit(
        parser,
        "score only N images, spread over the set; such results go to tables of their own, "
        "SUITE-limitN.md, and are never compared with a paper",
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("suite", type=Path, metavar="SUITE.yaml")
    _add_results(parser)
    _add_limit(parser, "write the tables of the runs under --limit N, SUITE-limitN.md")


def _add_limit(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--limit", type=_positive, metavar="N", help=text)


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where records and tables go (default: ./results)",
    )


def _add_rescore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("records", type=Path, nargs="+", metavar="RECORD.json")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where data sets lie (default: ./data)")
    parser.add_argument(
        "--evaluator", choices=EVALUATORS, help="of average precision (default: that of the record)"
    )
    _add_results(parser)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_complexity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="a checkpoint key, as `bench models` lists them")
    parser.add_argument(
        "--size", type=_size, metavar="HxW", help="input height x width (default: as published)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="where data sets lie (default: ./data)")
    _add_results(parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of images, 1 or more")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    try:
        size = parse_size(int(text) if text.isdecimal() else text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size; write 224 or 800x1280 (height x width), each 1 to {MAX_SIZE_PX}"
        ) from None
    return size.height_px, size.width_px
