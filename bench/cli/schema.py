"""The verb `schema`: the JSON Schema of a suite file."""

from __future__ import annotations

import json
from argparse import Namespace

from bench.plan.schema import suite_schema


def main(arguments: Namespace) -> int:
    """Print the schema that editors use to complete and check suite files."""
    del arguments
    print(json.dumps(suite_schema(), indent=2))
    return 0
