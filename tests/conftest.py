"""For all tests: one thread per process, so that processes side by side do not fight for the cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
