"""Getting the Danes set from a web server, which here is one on this machine that misbehaves in every way."""

import hashlib
import io
import logging
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from facekp.data.download import danes
from facekp.data.download.danes import MANIFEST, download_danes
from facekp.utils.errors import DataError

PIECE = 16 * 1024
CHANCE = random.Random(0)
FILES = {name: CHANCE.randbytes(2 * PIECE) for name in ("01-1m.asf", "01-1m.jpg", "01-2m.asf", "01-2m.jpg")}
MEMBERS = {"set/readme.txt": b"hello", **{f"set/{name}": content for name, content in FILES.items()}}
MOST = 400_000  # bytes of an archive in these tests


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path)
            info.external_attr = mode << 16
            archive.writestr(info, content, method)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], **attributes: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            for name, value in attributes.items():
                setattr(info, name, value)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


ZIP, TAR = zipped(MEMBERS), tarred(MEMBERS)

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


def pauses(body: bytes, seconds: float, pieces: int | None = None, size: int = PIECE) -> Answer:
    """Answer with a body in small pieces and a pause after each; after so many pieces nothing more comes."""

    def answer(handler: Handler) -> None:
        gives(body, sent=0)(handler)
        for count, start in enumerate(range(0, len(body), size)):
            if count == pieces:
                handler.server.closing.wait(30)
            handler.wfile.write(body[start : start + size])
            handler.server.sending.set()
            handler.server.closing.wait(seconds)

    return answer


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(danes, "MAX_BYTES", MOST)
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
def download(folder: Path, manifest: Path) -> Callable[..., Path]:
    return lambda *urls: download_danes(folder, urls, manifest)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# What is published


def test_the_manifest_is_that_of_the_published_set() -> None:
    lines = MANIFEST.read_text().splitlines()
    assert len(lines) == 480
    assert all(re.fullmatch(r"[0-9a-f]{64}  (\d\d-[1-6][fm])\.(asf|jpg)", line) for line in lines)
    digest = hashlib.sha256(MANIFEST.read_bytes()).hexdigest()
    assert digest == "9846d1b3000fb97055700ac4bf809fec5da57e3fe7375334c25ac5c91f46afc2"


@pytest.mark.danes
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_genuine_set_is_downloaded(
    pack: Any, danes_root: Path, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    files = {f"imm_face_db/{path.name}": path.read_bytes() for path in danes_root.iterdir() if path.is_file()}
    assert download_danes(folder, [site.offer("/set", gives(pack(files)))]) == folder
    assert len(contents(folder)) == 480


# What goes well


@pytest.mark.parametrize(
    "answer",
    [gives(ZIP), gives(TAR), gives(TAR, Content_Encoding="x-gzip")],
    ids=["zip", "tar.gz", "tar.gz that the server calls compressed"],
)
def test_the_set_is_downloaded_and_nothing_else_is_left(
    answer: Answer, site: Site, folder: Path, download: Any
) -> None:
    folder.mkdir(parents=True)  # an empty one is filled
    there = site.offer("/there", answer)
    assert download(site.offer("/here", gives(b"", 302, Location=there))) == folder
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_a_complete_folder_is_left_alone_and_nothing_is_downloaded(site: Site, folder: Path, download: Any) -> None:
    url = site.offer("/set.zip", gives(ZIP))
    download(url)
    (folder / "notes.txt").write_text("mine")
    assert download(url) == folder
    assert site.asked == ["/set.zip"]
    assert contents(folder) == {**FILES, "notes.txt": b"mine"}


def test_progress_is_drawn_on_a_terminal_only(
    site: Site, download: Any, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = site.offer("/set.zip", gives(ZIP))
    download(url)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shutil.rmtree(folder)
    download(url)
    assert "100%" in capsys.readouterr().err


# What goes wrong


LIED_SIZE = bytearray(zipped({"01-1m.jpg": bytes(MOST + 1)}))
LIED_SIZE[LIED_SIZE.index(b"PK\x01\x02") + 26] = 0
NOT_GENUINE = r"does not hold the genuine set: 4 missing or changed \(01-1m\.asf, 01-1m\.jpg, 01-2m\.asf, \.\.\.\)"
BAD = {
    "404": (gives(b"none", 404), "has the status 404"),
    "an endless redirect": (gives(b"", 302, Location="/bad"), "TooManyRedirects"),
    "a redirect to nowhere": (gives(b"", 302, Location="http://["), "could not be reached"),
    "a wrong length": (gives(b"", Content_Length="many"), "could not be reached"),
    "nothing": (gives(b""), "is no sound"),
    "truncated": (gives(ZIP, sent=len(ZIP) // 2), r"broke off \(ProtocolError\)"),
    "truncated by the sender": (gives(TAR[: len(TAR) // 2]), r"is no sound .* \(EOFError\)"),
    "dripping": (pauses(ZIP[:600], 0.05, size=10), "is too slow"),
    "stalled": (pauses(ZIP, 0, pieces=2), "broke off"),
    "endless": (gives(bytes(MOST + 1)), "sends more than 400000 bytes"),
    "corrupt": (gives(ZIP[:20_000] + bytes(100) + ZIP[20_100:]), "is no sound"),
    "a page instead": (gives(b"<html>We have moved</html>"), r"is no sound \.zip or \.tar\.gz archive \(ReadError\)"),
    "other faces": (gives(zipped({"b.jpg": b"x"})), NOT_GENUINE),
    "a changed face": (gives(zipped(MEMBERS | {"set/01-2m.jpg": b"x"})), r"1 missing or changed \(01-2m\.jpg\)"),
    "paths outside": (gives(zipped({f"../../{name}": b"x" for name in FILES})), NOT_GENUINE),
    "links in a .tar.gz": (gives(tarred(MEMBERS, type=tarfile.SYMTYPE, linkname="/etc/passwd")), NOT_GENUINE),
    "links in a .zip": (gives(zipped(dict.fromkeys(FILES, b"/etc/passwd"), mode=0o120777)), NOT_GENUINE),
    "a bomb": (gives(zipped({"01-1m.jpg": bytes(MOST + 1)})), "unpacks to more than 400000 bytes"),
    "a bomb in parts": (gives(zipped(dict.fromkeys(FILES, bytes(MOST // 3)))), "unpacks to more than 400000 bytes"),
    "a bomb of another method": (gives(zipped({"01-1m.jpg": bytes(10**7)}, zipfile.ZIP_LZMA)), NOT_GENUINE),
    "a bomb that lies about its size": (gives(bytes(LIED_SIZE)), "(is no sound|unpacks to more)"),
    "a bomb beside the files": (gives(tarred({"readme.txt": bytes(MOST)})), "unpacks to more than 400000 bytes"),
    "a bomb in a header": (gives(tarred(MEMBERS, pax_headers={"comment": "x" * MOST})), "unpacks to more than"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_address_is_given_up_for_the_next(
    name: str, site: Site, folder: Path, download: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(danes, "TIMEOUTS_S", (0.3, 0.3))
    answer, reason = BAD[name]
    bad, good = site.offer("/bad", answer), site.offer("/good", gives(ZIP))
    download(bad, good)
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]
    [note] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert re.match(re.escape(bad) + " .*" + reason, note)


def test_without_a_network_the_search_ends_soon_and_says_what_to_do(
    site: Site, folder: Path, download: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(danes, "TIMEOUTS_S", (0.3, 0.3))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}/set.zip"
    silent = site.offer("/set.zip", lambda handler: site.closing.wait(30))
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        download("http://unknown.invalid/set.zip", silent, nobody, "set.zip")
    assert time.monotonic() - started < 25  # the silent server alone would hold it for 30
    assert str(caught.value).startswith(
        "the Danes set could not be downloaded; tried: http://unknown.invalid/set.zip (could not be reached "
        f"(ConnectionError)); {silent} (could not be reached (ReadTimeout)); {nobody} (could not be reached "
        "(ConnectionError)); set.zip (could not be reached (MissingSchema)). Download "
    )
    assert all(advice in str(caught.value) for advice in ("in a browser", "FACEKP_DANES", "data.root", "data=standin"))
    assert list(folder.parent.iterdir()) == []


# What is in the way


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ({"01-1m.asf": FILES["01-1m.asf"]}, r"3 missing or changed \(01-1m.jpg, 01-2m.asf, 01-2m.jpg\)"),
        ({"01-1m.asf": b"edited"}, r"4 missing or changed \(01-1m.asf, 01-1m.jpg, 01-2m.asf, \.\.\.\)"),
        ({"mine.txt": b"mine"}, r"4 missing or changed \(01-1m.asf, 01-1m.jpg, 01-2m.asf, \.\.\.\)"),
    ],
)
@pytest.mark.parametrize("meanwhile", [False, True])
def test_other_files_are_never_touched(
    meanwhile: bool, found: dict[str, bytes], difference: str, site: Site, folder: Path, download: Any
) -> None:
    def put(handler: Handler | None = None) -> None:
        folder.mkdir(parents=True)
        for name, content in found.items():
            (folder / name).write_bytes(content)
        if handler:
            gives(ZIP)(handler)

    if not meanwhile:
        put()
    with pytest.raises(DataError, match=difference):
        download(site.offer("/set.zip", put))
    assert contents(folder) == found
    assert list(folder.parent.iterdir()) == [folder]
    assert len(site.asked) == meanwhile


def test_a_file_in_the_place_of_the_folder_is_never_touched(folder: Path, download: Any) -> None:
    folder.parent.mkdir()
    folder.write_text("mine")
    with pytest.raises(DataError, match="is not the Danes set"):
        download("http://127.0.0.1/")
    assert folder.read_text() == "mine"


# Other processes


@pytest.fixture
def start(folder: Path, manifest: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Download in a process of its own."""
    started = []

    def run(url: str, before: str = "pass") -> subprocess.Popen[str]:
        code = (
            f"from pathlib import Path; from facekp.data.download.danes import download_danes; {before}; "
            f"download_danes(Path({str(folder)!r}), [{url!r}], Path({str(manifest)!r}))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[3], stderr=subprocess.PIPE, text=True
        )
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
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_a_killed_process_leaves_no_folder_and_is_cleaned_up_after(
    site: Site, folder: Path, start: Any, download: Any
) -> None:
    process = start(site.offer("/slow.zip", pauses(ZIP, 5)))
    assert site.sending.wait(30)
    process.kill()
    process.wait(30)
    [left] = folder.parent.iterdir()
    assert left != folder

    url = site.offer("/set.zip", gives(ZIP))
    download(url)
    assert left.exists()  # it could be that of a process at work
    long_ago = time.time() - 2 * 86_400
    for path in (*left.rglob("*"), left):
        os.utime(path, (long_ago, long_ago))
    download(url)
    assert list(folder.parent.iterdir()) == [folder]


def test_an_interrupted_process_leaves_nothing(site: Site, folder: Path, start: Any) -> None:
    process = start(site.offer("/slow.zip", pauses(ZIP, 5)))
    assert site.sending.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert list(folder.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited there")
def test_a_full_disk_leaves_nothing_and_is_named(site: Site, folder: Path, start: Any) -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({PIECE}, {PIECE}))"
    _, said = start(site.offer("/set.zip", gives(ZIP)), before=limit).communicate(timeout=30)
    assert f"DataError: the Danes set cannot be put into {folder}: " in said
    assert "File too large" in said
    assert list(folder.parent.iterdir()) == []
