"""Checkpoints are found in the caches, and downloads are whole, verified and resumable."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.catalog import read
from bench.machine import weights
from bench.spec.card import ModelCard
from bench.spec.errors import BadWeights, MissingWeights

CARD = read.models()["mambaout_femto"]
# as GitHub serves the files of VMamba: a tag that begins with a number sign, and another server behind it
RELEASE = "/VMamba/releases/download/%23v2cls/vssm1_tiny.pth"
CONTENT = bytes(range(256)) * 4096
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """A server with one file; `cut_at` ends that many answers early, after so many bytes."""

    url: str = ""
    content: bytes = CONTENT
    cut_at: list[int] = field(default_factory=list)
    ranges: bool = True
    requests: list[str | None] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append(wanted)
            if self.path == RELEASE:
                self.send_response(302)
                self.send_header("Location", "/model.safetensors")
                self.end_headers()
                return
            if self.path != "/model.safetensors":
                self.send_error(404)
                return
            size = len(state.content)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.ranges else 0
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("Content-Length", str(size - start))
            self.end_headers()
            end = state.cut_at.pop(0) if state.cut_at else size
            self.wfile.write(state.content[start:end])

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/model.safetensors"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("BENCH_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def card_at(url: str | None, sha256: str | None = None) -> ModelCard:
    return CARD.model_copy(update={"weights_url": url, "weights_sha256": sha256})


def partial_of(card: ModelCard) -> Path:
    path = weights.cache_path(card)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f"{path.name}.partial")


def test_cache_path_follows_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Path("hub", "checkpoints", "mambaout_femto-model.safetensors")
    assert weights.cache_path(CARD) == tmp_path / "torch" / at
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_path(CARD) == tmp_path / "xdg" / "torch" / at
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.cache_path(CARD) == tmp_path / ".cache" / "torch" / at


def test_find_knows_both_caches_and_paths(tmp_path: Path) -> None:
    assert weights.find(CARD, "published") is None
    assert weights.find(CARD, "random") is None
    repository = tmp_path / "hub" / "models--timm--mambaout_femto.in1k"
    stored = repository / "snapshots" / "abc" / "model.safetensors"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"hub")
    assert weights.find(CARD, "published") is None
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert weights.find(CARD, "published") == stored
    cached = weights.cache_path(CARD)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"torch")
    assert weights.find(CARD, "published") == cached
    assert weights.find(CARD, str(cached)) == cached
    assert weights.find(CARD, str(tmp_path / "absent.pth")) is None
    assert weights.find(card_at(None), "published") is None


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
@pytest.mark.parametrize("name", ["BENCH_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_is_a_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: bool
) -> None:
    assert not weights.offline()
    monkeypatch.setenv(name, value)
    assert weights.offline() is expected


def test_offline_fetch_says_where_to_put_the_file(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    card = card_at(site.url)
    with pytest.raises(MissingWeights) as caught:
        weights.fetch(card)
    assert str(caught.value) == (
        f"{site.url} is not in the cache and this machine is set offline; "
        f"put the file at {weights.cache_path(card)}"
    )
    assert site.requests == []


def test_fetch_downloads_once_and_reports_progress(site: Site) -> None:
    seen: list[tuple[int, int | None]] = []
    card = card_at(site.url, SHA256)
    for _ in range(2):
        path = weights.fetch(card, lambda done, total: seen.append((done, total)))
        assert path == weights.cache_path(card)
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert site.requests == [None]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_fetch_goes_on_where_it_stopped(site: Site) -> None:
    card = card_at(site.url, SHA256)
    partial_of(card).write_bytes(CONTENT[:1000])
    assert weights.fetch(card).read_bytes() == CONTENT
    assert site.requests == ["bytes=1000-"]


def test_fetch_starts_over_where_the_server_cannot_go_on(site: Site) -> None:
    site.ranges = False
    card = card_at(site.url, SHA256)
    partial_of(card).write_bytes(b"of something else")
    assert weights.fetch(card).read_bytes() == CONTENT


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_fetch_copes_with_a_partial_file_that_is_whole_or_too_long(site: Site, extra: bytes) -> None:
    card = card_at(site.url, SHA256)
    partial_of(card).write_bytes(CONTENT + extra)
    assert weights.fetch(card).read_bytes() == CONTENT


def test_closed_connection_is_taken_up_again(site: Site) -> None:
    site.cut_at = [5000, 70000]
    assert weights.fetch(card_at(site.url, SHA256)).read_bytes() == CONTENT
    assert site.requests == [None, "bytes=5000-", "bytes=70000-"]


def test_server_that_never_goes_on_ends_the_download_but_keeps_what_came(site: Site) -> None:
    site.cut_at = [5000, 5000]
    card = card_at(site.url, SHA256)
    with pytest.raises(MissingWeights) as caught:
        weights.fetch(card)
    assert str(caught.value) == (
        f"{site.url} could not be downloaded (connection closed after 5,000 of 1,048,576 bytes); "
        f"run again to go on, or put the file at {weights.cache_path(card)}"
    )
    assert partial_of(card).read_bytes() == CONTENT[:5000]
    assert weights.fetch(card).read_bytes() == CONTENT


def test_a_release_is_resumed_behind_its_redirection(site: Site) -> None:
    card = card_at(site.url.replace("/model.safetensors", RELEASE), SHA256)
    assert weights.cache_path(card).name == "mambaout_femto-vssm1_tiny.pth"
    partial_of(card).write_bytes(CONTENT[:1000])
    assert weights.fetch(card).read_bytes() == CONTENT
    assert site.requests == ["bytes=1000-"] * 2


def test_wrong_hash_removes_the_file(site: Site) -> None:
    card = card_at(site.url, "0" * 64)
    with pytest.raises(BadWeights) as caught:
        weights.fetch(card)
    assert str(caught.value) == (
        f"{site.url} has the SHA-256 {SHA256}, not {'0' * 64} as its card says; the file was removed. "
        "If it was published anew, correct the card; else download it again"
    )
    assert list(weights.cache_folder().iterdir()) == []


def test_absent_file_and_absent_server(site: Site) -> None:
    card = card_at(site.url.replace("model", "other"))
    with pytest.raises(
        MissingWeights, match=r"other\.safetensors could not be downloaded \(HTTP 404 Not Found\)"
    ):
        weights.fetch(card)
    card = card_at("http://127.0.0.1:1/model.safetensors")
    with pytest.raises(MissingWeights, match=r"could not be downloaded \(.*refused\).* put the file at"):
        weights.fetch(card)


def test_other_schemes_and_no_address_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(MissingWeights, match="only http and https are supported"):
        weights.fetch(card_at(f"file://{tmp_path}/model.pth"))
    with pytest.raises(MissingWeights) as caught:
        weights.fetch(card_at(None))
    assert str(caught.value) == (
        "no public weights of mambaout_femto are known; name a file as `weights` in the suite"
    )


def test_unwritable_cache(site: Site, tmp_path: Path) -> None:
    (tmp_path / "torch").write_text("a file, not a folder")
    with pytest.raises(MissingWeights, match="Not a directory"):
        weights.fetch(card_at(site.url))


def test_two_at_once_give_one_whole_file(site: Site) -> None:
    card = card_at(site.url, SHA256)
    threads = [threading.Thread(target=weights.fetch, args=(card,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert weights.cache_path(card).read_bytes() == CONTENT
    assert site.requests == [None]
