"""Entry of `python -m bench.train`."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.spec.errors import BenchError, UnknownName, UserError

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Train one network, several at once, install files or make pictures, and return the exit code."""
    started_s = time.monotonic()
    arguments = _parser().parse_args(argv)
    try:
        return _call(arguments, started_s)
    except UserError as error:
        print(f"bench.train: {error}", file=sys.stderr)
        return WRONG_INPUT
    except (BenchError, OSError) as error:
        print(f"bench.train: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("bench.train: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED


def _call(arguments: argparse.Namespace, started_s: float) -> int:
    # torch is imported by none but the one that trains
    if arguments.launch:
        from bench.train.launch import launch, parse, summary  # noqa: PLC0415

        if arguments.minutes is not None or arguments.device != "cpu":
            raise UserError("--launch takes minutes and GPU from each chain, such as 0:micro_vim@3")
        if arguments.start is not None:
            raise UserError(
                "--launch starts a detector from the backbone beside it; train with --start alone"
            )
        chains = [parse(text) for text in [arguments.model, *arguments.chains]]
        ended = launch(chains, arguments.out, _extra(arguments))
        print("\n".join(summary(ended, arguments.out)))
        return 0 if all(how.startswith("done") for how in ended.values()) else FAILED
    if arguments.install:
        from bench.train.export import install  # noqa: PLC0415

        install(_files(arguments))
        return 0
    if arguments.evaluate:
        return _evaluate(arguments)
    from bench.train.job import Options, train  # noqa: PLC0415

    if arguments.chains:
        raise UserError(f"one model at a time, or --launch; left over: {' '.join(arguments.chains)}")
    options = Options(
        key=arguments.model,
        out=arguments.out,
        cache=arguments.cache or arguments.out.parent / "cache",
        data=arguments.data,
        minutes=arguments.minutes,
        device=arguments.device,
        seed=arguments.seed,
        changes=tuple(map(_change, arguments.set)),
        start=arguments.start,
        checkpoint_s=arguments.checkpoint_s,
        **({} if arguments.recipe is None else {"recipe": arguments.recipe}),
    )
    print(json.dumps(train(options, started_s), indent=2))
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from bench.catalog import read  # noqa: PLC0415
    from bench.train.evaluate import score  # noqa: PLC0415

    if arguments.data is None:
        raise UserError("--evaluate needs --data, where the sets are or will be made")
    cards = read.every_model()
    for key, path in _files(arguments).items():
        if key not in cards:
            raise UnknownName("model", key, cards)
        print(json.dumps({"model": key, **score(cards[key], path, arguments.data)}), flush=True)
    return 0


def _files(arguments: argparse.Namespace) -> dict[str, Path]:
    """Return the trained files that are named, by model; raises `UserError` for one that is not there."""
    keys = (arguments.model, *arguments.chains)
    files = {key: arguments.out / key / f"{key}.safetensors" for key in keys}
    for key, path in files.items():
        if not path.is_file():
            raise UserError(f"no file {path}; train {key} first, or correct --out")
    return files


def _minutes(text: str) -> float:
    minutes = float(text)
    if not (math.isfinite(minutes) and minutes > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
    return minutes


def _extra(arguments: argparse.Namespace) -> list[str]:
    """Return the options that all trainings of a launch get."""
    found = ["--seed", str(arguments.seed), "--cache", str(arguments.cache or arguments.out / "cache")]
    found += ["--checkpoint-s", str(arguments.checkpoint_s)]
    for change in arguments.set:
        found += ["--set", change]
    if arguments.data is not None:
        found += ["--data", str(arguments.data)]
    if arguments.recipe is not None:
        found += ["--recipe", str(arguments.recipe)]
    return found


def _change(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise UserError(f"--set {text}: expected FIELD=VALUE, such as batch=256")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.train", description=__doc__)
    parser.add_argument(
        "model", help="key of the model, such as micro_vim; with --launch GPU:MODEL@MINUTES,..."
    )
    parser.add_argument("chains", nargs="*", help="with --launch, --evaluate and --install: further ones")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, log and checkpoint")
    parser.add_argument("--cache", type=Path, help="folder for pictures, shared by trainings")
    parser.add_argument(
        "--data", type=Path, help="evaluate the result as a suite does; its data are made here"
    )
    parser.add_argument("--minutes", type=_minutes, help="be done in this time, whatever the recipe says")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--seed", type=int, default=0, help="of order, views and dropped paths")
    parser.add_argument(
        "--recipe", type=Path, help="file of recipes instead of the one that comes with the bench"
    )
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a recipe")
    parser.add_argument("--start", type=Path, help="trained backbone of a detector or segmentor")
    parser.add_argument("--checkpoint-s", type=float, default=10.0, help="least seconds between checkpoints")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--launch", action="store_true", help="train several at once, by GPU")
    how.add_argument("--evaluate", action="store_true", help="score the files of --out, with --data")
    how.add_argument("--install", action="store_true", help="ship the files of --out, and enter their hashes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
