"""A real headless Chromium for the tests, spoken to over its DevTools pipe: nothing to install beside the browser."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-pipe", "about:blank"),
)


class Page:
    """One page of a running browser.

    What the page complains of (console errors, uncaught exceptions, failed requests) gathers in ``errors``, and every
    address that it asks for in ``requests``.
    """

    def __init__(self, process: subprocess.Popen[bytes], read: int, write: int) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._process, self._read, self._write = process, read, write
        self._buffer, self._number, self._loaded, self._session = b"", 0, False, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, url: str, width: int = 1400, height: int = 900, dark: bool = False, timeout: float = 30) -> None:
        """Load an address in a window of so many pixels, and wait until it has fired its load event."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded = False
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + timeout
        while not self._loaded:
            self._handle(self._receive(deadline))

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, expression: str, timeout: float = 30) -> Any:
        """Wait until a JavaScript expression is true, and return its value."""
        deadline = time.monotonic() + timeout
        while not (value := self.run(expression)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout} s: {expression}")
            time.sleep(0.1)
        return value

    def call(self, method: str, timeout: float = 30, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, https://chromedevtools.github.io/devtools-protocol/."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._handle(answer)

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self._read, 1 << 20) if ready else b""
            if not more:
                raise TimeoutError(f"the browser does not answer (exit status {self._process.poll()})")
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _handle(self, event: dict[str, Any]) -> None:
        name, told = event.get("method"), event.get("params", {})
        if name == "Page.loadEventFired":
            self._loaded = True
        elif name == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif name == "Runtime.exceptionThrown":
            thrown = told["exceptionDetails"]
            self.errors.append(thrown.get("exception", {}).get("description", thrown["text"]))
        elif name == "Runtime.consoleAPICalled" and told["type"] == "error":
            self.errors.append(" ".join(str(part.get("value", part.get("description"))) for part in told["args"]))
        elif name == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(told["entry"]["text"])


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A page of a browser that ends with the block; the test is skipped where no browser is installed.

    Args:
        profile: an empty folder for the browser's own files.
    """
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium or Google Chrome is installed")
    theirs_in, write = os.pipe()
    read, theirs_out = os.pipe()
    # The browser reads commands from its descriptor 3 and answers on its 4.
    joined = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    process = subprocess.Popen(
        ["bash", "-c", joined, "bash", found, f"--user-data-dir={profile}", *_FLAGS],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(process, read, write)
    finally:
        os.close(write)  # the browser ends with its pipe
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        os.close(read)


def assert_reads_well(page: Page, path: Path) -> None:
    """A page on disk shows all of its pictures, fits narrow and wide windows, and asks for nothing but itself."""
    for width, dark in ((400, False), (1400, True)):
        page.open(path.as_uri(), width, dark=dark)
        assert page.run("document.documentElement.scrollWidth") <= width
        pictures = page.run(
            "[...document.images].map(i => ({alt: i.alt, loaded: i.complete && i.naturalWidth > 0,"
            " fits: i.getBoundingClientRect().right <= i.parentElement.getBoundingClientRect().right + 1}))"
        )
        assert pictures
        assert all(picture["loaded"] and picture["fits"] and picture["alt"] for picture in pictures)
    assert page.errors == []
    assert {url for url in page.requests if not url.startswith("data:")} == {path.as_uri()}
