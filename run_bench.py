"""Run a suite: `python run_bench.py suites/imagenet.yaml` is `python -m bench run suites/imagenet.yaml`."""

import sys

from bench.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
