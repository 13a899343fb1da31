"""Stands for torch: slow to import, and imported once in the server."""

import os
import time

time.sleep(float(os.environ.get("FAKE_PRELOAD_S", "0")))
LOADED_IN = os.getpid()
