"""How long a network takes for one image on two cores of a CPU."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LIMIT_S = 3.0
TRIES = 3
# The slowest of all networks of this package: most tokens, widest, most states to scan.
SLOWEST = ("vim_small_stride8", "vim_base", "vmamba_v0_base")
# Beside other work, threads that spin while they wait for each other cost many times the arithmetic.
TWO_CORES = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}
ANSWER = """
import sys, time, torch
from bench.nets.build import build_net
assert torch.get_num_threads() == 2
net, image = build_net(sys.argv[1], scan_backend="torch"), torch.randn(1, 3, 224, 224)
for _ in range(int(sys.argv[2])):
    with torch.inference_mode():
        began_s = time.perf_counter()
        logits = net(image)
        print(time.perf_counter() - began_s)
    assert logits.shape == (1, 1000) and logits.isfinite().all()
"""


@pytest.mark.timing
@pytest.mark.parametrize("key", SLOWEST)
def test_an_image_is_answered_in_time(key: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ANSWER, key, str(TRIES)],
        env=os.environ | TWO_CORES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    walls_s = [float(line) for line in ended.stdout.split()]
    assert len(walls_s) == TRIES
    # the best of a few, since another process may hold a core for a moment
    assert min(walls_s) < LIMIT_S, walls_s
