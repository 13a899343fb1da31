"""Downloads one file: resumable, verified, and in place only when it is whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from types import ModuleType
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import bench
from bench.spec.errors import BadWeights, MissingWeights

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:
    # not a POSIX system: no locks of this kind
    fcntl = None

Progress = Callable[[int, int | None], None]
Response = HTTPResponse | HTTPError
CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30.0
NOT_SATISFIABLE = 416
PARTIAL_CONTENT = 206


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, path: Path, sha256: str | None, progress: Progress | None = None) -> Path:
    """Download `url` to `path`, going on with what an earlier attempt left beside it.

    A connection that ends early is taken up again as long as each attempt brings bytes.
    Raises `MissingWeights` and `BadWeights` as `bench.machine.weights.fetch` says.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file, _alone(file):
            # another process may have finished it while this one waited
            if path.is_file():
                return path
            _complete(url, file, progress)
            _verify(url, partial, sha256)
            partial.replace(path)
    except (OSError, HTTPException) as error:
        raise MissingWeights(
            f"{url} could not be downloaded ({_reason(error)}); run again to go on, or put the file at {path}"
        ) from None
    return path


@contextmanager
def _alone(file: BinaryIO) -> Iterator[None]:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)
    yield


def _complete(url: str, file: BinaryIO, progress: Progress | None) -> None:
    while True:
        before = file.seek(0, 2)
        total = _attempt(url, file, progress)
        after = file.tell()
        if total is None or after == total:
            return
        if after > total:
            file.truncate(0)
        elif after <= before:
            raise ConnectionError(f"connection closed after {after:,} of {total:,} bytes")


def _attempt(url: str, file: BinaryIO, progress: Progress | None) -> int | None:
    """Append what the server still has; return the size of the whole file where it is known."""
    start = file.tell()
    with _open(url, start) as response:
        if start and response.status == NOT_SATISFIABLE:
            return _total(response) or 0
        if response.status != PARTIAL_CONTENT and start:
            # the server starts over, so do we
            file.truncate(0)
        total = _total(response)
        while chunk := response.read(CHUNK_BYTES):
            file.write(chunk)
            if progress is not None:
                progress(file.tell(), total)
        file.flush()
        return total


def _open(url: str, start: int) -> Response:
    if not url.startswith(("https://", "http://")):
        raise URLError("only http and https are supported")
    headers = {"User-Agent": f"vision-backbone-bench/{bench.__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response: HTTPResponse = urlopen(Request(url, headers=headers), timeout=TIMEOUT_S)  # noqa: S310
    except HTTPError as error:
        if error.code == NOT_SATISFIABLE and start:
            return error
        raise
    return response


def _total(response: Response) -> int | None:
    match = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    length = match[1] if match else response.headers.get("Content-Length")
    return int(length) if length else None


def _verify(url: str, path: Path, expected: str | None) -> None:
    if expected is None:
        return
    found = sha256_of(path)
    if found != expected:
        path.unlink()
        raise BadWeights(
            f"{url} has the SHA-256 {found}, not {expected} as its card says; the file was removed. "
            "If it was published anew, correct the card; else download it again"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
