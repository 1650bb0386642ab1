"""Getting the Danes set from a web server, which here is one on this machine that misbehaves in every way."""

import hashlib
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from facekp.data.download.danes import MANIFEST, Differences, download_danes, verify
from facekp.data.download.http import CHUNK_BYTES
from facekp.utils.errors import DataError
from tests.data.download.archives import tarred, tarred_with, zipped

CHANCE = random.Random(0)
FILES = {name: CHANCE.randbytes(2 * CHUNK_BYTES) for name in ("01-1m.asf", "01-1m.jpg", "01-2m.asf", "01-2m.jpg")}
MEMBERS = [("imm_face_db/readme.txt", b"hello"), *((f"imm_face_db/{name}", FILES[name]) for name in FILES)]
ZIP, TAR = zipped(MEMBERS), tarred(MEMBERS)
ROOT = Path(__file__).parents[3]

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: "Site"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.answers[self.path](self)

    def log_message(self, *_: Any) -> None:
        pass


class Site(ThreadingHTTPServer):
    """A web server; each path is answered by a function, and ``asked`` lists the requests."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.sending = threading.Event()
        self.closing = threading.Event()

    def offer(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: Any) -> None:
        pass  # a client that went away is what these tests are about


def gives(body: bytes, status: int = 200, sent: int | None = None, **headers: str) -> Answer:
    """Answer with a body, of which only the first ``sent`` bytes are sent before the connection is closed."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body[:sent])

    return answer


def pauses(body: bytes, seconds: float, pieces: int | None = None) -> Answer:
    """Answer with a body in small pieces and a pause after each; after so many pieces nothing more comes."""

    def answer(handler: Handler) -> None:
        gives(body, sent=0)(handler)
        for count, start in enumerate(range(0, len(body), CHUNK_BYTES)):
            if count == pieces:
                handler.server.closing.wait(30)
            handler.wfile.write(body[start : start + CHUNK_BYTES])
            handler.server.sending.set()
            handler.server.closing.wait(seconds)

    return answer


def never(handler: Handler) -> None:
    handler.server.closing.wait(30)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    with Site() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.closing.set()
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "danes"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest"
    path.write_text("".join(f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}\n" for name in FILES))
    return path


@pytest.fixture
def fetch(folder: Path, manifest: Path) -> Callable[..., Path]:
    def run(*urls: str, **settings: Any) -> Path:
        return download_danes(folder, urls, **{"manifest": manifest, "progress": False, **settings})

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused() -> str:
    """An address at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/set.zip"


# What is published


def test_the_manifest_is_that_of_the_published_set() -> None:
    lines = MANIFEST.read_text().splitlines()
    names = [line.partition("  ")[2] for line in lines]
    assert len(lines) == 480
    assert names == sorted(names)
    assert all(re.fullmatch(r"[0-9a-f]{64}  (\d\d-[1-6][fm])\.(asf|jpg)", line) for line in lines)
    digest = hashlib.sha256(MANIFEST.read_bytes()).hexdigest()
    assert digest == "9846d1b3000fb97055700ac4bf809fec5da57e3fe7375334c25ac5c91f46afc2"


@pytest.mark.danes
def test_the_genuine_set_is_fetched(danes_root: Path, site: Site, folder: Path) -> None:
    members = [(f"imm_face_db/{path.name}", path.read_bytes()) for path in danes_root.iterdir() if path.is_file()]
    url = site.offer("/set.zip", gives(zipped(members)))
    assert download_danes(folder, [url]) == folder
    assert verify(folder) == Differences((), (), ())
    assert len(list(folder.iterdir())) == 480


# What goes well


@pytest.mark.parametrize("archive", [ZIP, TAR], ids=["zip", "tar.gz"])
def test_the_set_is_downloaded_and_nothing_else_is_left(archive: bytes, site: Site, folder: Path, fetch: Any) -> None:
    assert fetch(site.offer("/set", gives(archive))) == folder
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_a_redirect_is_followed(site: Site, folder: Path, fetch: Any) -> None:
    there = site.offer("/there.zip", gives(ZIP))
    fetch(site.offer("/here.zip", gives(b"", 302, Location=there)))
    assert contents(folder) == FILES


def test_a_tar_that_the_server_calls_compressed_is_taken(site: Site, folder: Path, fetch: Any) -> None:
    fetch(site.offer("/set.tar.gz", gives(TAR, Content_Encoding="x-gzip")))
    assert contents(folder) == FILES


def test_a_complete_folder_is_left_alone_and_nothing_is_downloaded(site: Site, folder: Path, fetch: Any) -> None:
    url = site.offer("/set.zip", gives(ZIP))
    fetch(url)
    (folder / "notes.txt").write_text("mine")
    assert fetch(url) == folder
    assert site.asked == ["/set.zip"]
    assert contents(folder) == {**FILES, "notes.txt": b"mine"}


def test_an_empty_folder_is_filled(site: Site, folder: Path, fetch: Any) -> None:
    folder.mkdir(parents=True)
    fetch(site.offer("/set.zip", gives(ZIP)))
    assert contents(folder) == FILES


def test_a_slow_download_may_take_longer_than_the_search(site: Site, folder: Path, fetch: Any) -> None:
    fetch(site.offer("/set.zip", pauses(ZIP, 0.15)), search_limit_s=0.5, stall_limit_s=10)
    assert contents(folder) == FILES


def test_a_transfer_that_breaks_off_is_tried_once_more(site: Site, folder: Path, fetch: Any) -> None:
    answers = iter([gives(ZIP, sent=len(ZIP) // 2), gives(ZIP)])
    fetch(site.offer("/set.zip", lambda handler: next(answers)(handler)))
    assert contents(folder) == FILES
    assert len(site.asked) == 2


def test_progress_is_drawn_on_a_terminal_only(
    site: Site, fetch: Any, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.offer("/set.zip", gives(ZIP))
    fetch(url, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for path in folder.iterdir():
        path.unlink()
    fetch(url, progress=True)
    assert f"/{len(ZIP) / 1000:.0f}k" in capsys.readouterr().err


# What goes wrong at one address


BAD = {
    "404": (gives(b"none", 404), "answered with status 404"),
    "500": (gives(b"oops", 500), "answered with status 500"),
    "an endless redirect": (gives(b"", 302, Location="/bad"), "TooManyRedirects"),
    "a redirect to nowhere": (gives(b"", 302, Location="http://["), "could not be reached"),
    "a wrong length": (gives(b"", Content_Length="many"), "could not be reached"),
    "truncated": (gives(ZIP, sent=len(ZIP) // 2), r"broke off after 0\.\d MB"),
    "truncated at once": (gives(ZIP, sent=10), r"broke off after 0\.0 MB"),
    "truncated by the sender": (gives(TAR[: len(TAR) // 2]), "is truncated or damaged"),
    "stalled": (pauses(ZIP, 0, pieces=2), r"stalled after 0\.0 MB"),
    "corrupt": (gives(ZIP[:20_000] + bytes(100) + ZIP[20_100:]), "is truncated or damaged"),
    "a page instead": (gives(b"<html>We have moved</html>"), r"neither a \.zip nor a \.tar\.gz"),
    "other faces": (gives(zipped([("b.jpg", b"x")])), r"does not hold the genuine set: 4 missing \(01-1m\.asf, "),
    "changed faces": (
        gives(zipped([*MEMBERS[:-1], ("01-2m.jpg", b"x")])),
        r"does not hold the genuine set: 1 changed \(01-2m\.jpg\)",
    ),
    "a path outside": (gives(zipped([("../../01-1m.jpg", b"x")])), "leads out of it"),
    "a link": (gives(tarred_with([], "01-1m.jpg", type=b"2", linkname="/etc/passwd")), "link or device"),
    "a bomb": (gives(zipped([("01-1m.jpg", bytes(5 * 2**20))])), "file of more than 4194304 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_address_is_given_up_for_the_next(
    name: str, site: Site, folder: Path, fetch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer, reason = BAD[name]
    bad = site.offer("/bad", answer)
    with Site() as other:
        threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        fetch(bad, other.offer("/good", gives(ZIP)), stall_limit_s=0.3)
        other.shutdown()
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]
    [note] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert re.match(re.escape(bad) + " .*" + reason, note)


def test_an_endless_download_is_ended(site: Site, folder: Path, fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facekp.data.download.danes.MAX_ARCHIVE_BYTES", 50_000)
    with pytest.raises(DataError, match=r"sent more than 0\.1 MB"):
        fetch(site.offer("/set.zip", gives(ZIP)))
    assert not folder.exists()


# What goes wrong everywhere


def test_without_a_network_the_search_ends_soon_and_says_what_to_do(
    site: Site, folder: Path, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "unknown.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host == "hangs.test":
            site.closing.wait(30)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    urls = (
        "http://hangs.test/set.zip",
        "http://hangs.test/set.tar.gz",
        "http://unknown.test/set.zip",
        site.offer("/set.zip", never),
        nobody := refused(),
    )
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        fetch(*urls, search_limit_s=0.6)
    assert time.monotonic() - started < 10
    message = str(caught.value)
    assert re.search(r"hangs\.test/set\.zip \(did not answer within 0\.15 s\)", message)
    assert "hangs.test/set.tar.gz (not tried: on the same host)" in message
    assert "unknown.test/set.zip (could not be reached (Name or service not known))" in message
    assert re.search(re.escape(urls[3]) + r" \(did not answer within 0\.\d+ s\)", message)
    assert f"{nobody} (could not be reached (Connection refused))" in message
    assert all(advice in message for advice in ("in a browser", "FACEKP_DANES", "data.root", "data=standin"))
    assert "\n" not in message
    assert list(folder.parent.iterdir()) == []


def test_without_an_address_it_says_so(fetch: Any) -> None:
    with pytest.raises(DataError, match="tried: no address"):
        fetch()


@pytest.mark.parametrize("urls", [("imm_face_db.zip",), ("ftp://127.0.0.1/set.zip",), ("http://[",), ("",)])
def test_what_is_no_web_address_is_given_up(urls: tuple[str], fetch: Any) -> None:
    with pytest.raises(DataError, match="could not be reached"):
        fetch(*urls)


# What is in the way


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ({"01-1m.asf": b"edited"}, r"3 missing \(01-1m.jpg, 01-2m.asf, 01-2m.jpg\), 1 changed \(01-1m.asf\)"),
        ({"mine.txt": b"mine"}, r"4 missing \(01-1m.asf, 01-1m.jpg, 01-2m.asf, \.\.\.\), 1 extra \(mine.txt\)"),
    ],
)
def test_other_files_are_never_touched(
    found: dict[str, bytes], difference: str, site: Site, folder: Path, fetch: Any
) -> None:
    folder.mkdir(parents=True)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=difference):
        fetch(site.offer("/set.zip", gives(ZIP)))
    assert contents(folder) == found
    assert site.asked == []


def test_a_folder_that_someone_fills_meanwhile_is_never_touched(site: Site, folder: Path, fetch: Any) -> None:
    def answer(handler: Handler) -> None:
        folder.mkdir()
        (folder / "mine.txt").write_bytes(b"mine")
        gives(ZIP)(handler)

    with pytest.raises(DataError, match="cannot be put into"):
        fetch(site.offer("/set.zip", answer))
    assert contents(folder) == {"mine.txt": b"mine"}
    assert list(folder.parent.iterdir()) == [folder]


def test_a_file_in_the_place_of_the_folder_is_never_touched(folder: Path, fetch: Any) -> None:
    folder.parent.mkdir()
    folder.write_text("mine")
    with pytest.raises(DataError, match="is not the Danes set"):
        fetch("http://127.0.0.1/")
    assert folder.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(folder: Path, fetch: Any) -> None:
    folder.parent.write_text("a file where the parent should be")
    with pytest.raises(DataError, match=f"cannot be put into {re.escape(str(folder))}"):
        fetch("http://127.0.0.1/")


def test_verify_tells_missing_changed_and_extra(folder: Path, manifest: Path) -> None:
    assert verify(folder, manifest).missing == tuple(sorted(FILES))
    folder.mkdir(parents=True)
    (folder / "01-1m.asf").write_bytes(FILES["01-1m.asf"])
    (folder / "01-1m.jpg").write_bytes(b"x")
    (folder / "01-2m.jpg").mkdir()
    (folder / "b").touch()
    assert verify(folder, manifest) == Differences(("01-2m.asf",), ("01-1m.jpg", "01-2m.jpg"), ("b",))


# Other processes


@pytest.fixture
def start(folder: Path, manifest: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Fetch in a process of its own."""
    started = []

    def run(url: str, before: str = "pass") -> subprocess.Popen[str]:
        code = (
            f"from pathlib import Path; from facekp.data.download.danes import download_danes; {before}; "
            f"download_danes(Path({str(folder)!r}), [{url!r}], manifest=Path({str(manifest)!r}))"
        )
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_two_processes_at_once_share_one_result(site: Site, folder: Path, start: Any) -> None:
    both = threading.Barrier(2)

    def answer(handler: Handler) -> None:
        both.wait(30)
        gives(ZIP)(handler)

    url = site.offer("/set.zip", answer)
    processes = [start(url), start(url)]
    assert [(process.wait(30), process.stderr.read()) for process in processes] == [(0, "")] * 2
    assert len(site.asked) == 2
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_a_killed_process_leaves_no_folder_and_is_cleaned_up_after(
    site: Site, folder: Path, start: Any, fetch: Any
) -> None:
    process = start(site.offer("/slow.zip", pauses(ZIP, 5)))
    assert site.sending.wait(30)
    process.kill()
    process.wait(30)
    assert not folder.exists()

    url = site.offer("/set.zip", gives(ZIP))
    [left] = folder.parent.iterdir()
    fetch(url)
    assert left.exists()  # it could be that of a process at work
    long_ago = time.time() - 86_400
    for path in (*left.rglob("*"), left):
        os.utime(path, (long_ago, long_ago))
    fetch(url)
    assert list(folder.parent.iterdir()) == [folder]
    assert contents(folder) == FILES


def test_an_interrupted_process_leaves_nothing(site: Site, folder: Path, start: Any) -> None:
    process = start(site.offer("/slow.zip", pauses(ZIP, 5)))
    assert site.sending.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert list(folder.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited there")
@pytest.mark.parametrize("room", [0, 20_000, len(ZIP) - 1])
def test_a_full_disk_leaves_nothing_and_is_named(room: int, site: Site, folder: Path, start: Any) -> None:
    process = start(
        site.offer("/set.zip", gives(ZIP)),
        before=f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))",
    )
    _, said = process.communicate(timeout=30)
    assert f"DataError: the Danes set cannot be put into {folder}: " in said
    assert "File too large" in said
    assert list(folder.parent.iterdir()) == []


def test_nothing_is_asked_of_the_network_at_import() -> None:
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.getaddrinfo = socket.socket.connect = refuse\n"
        "import facekp.data.download.danes\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
