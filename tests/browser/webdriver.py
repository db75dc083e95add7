"""Headless Chromium, driven over chromedriver's WebDriver protocol."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

PAGE_WIDTH, PAGE_HEIGHT = 1280, 1400
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    f"--window-size={PAGE_WIDTH},{PAGE_HEIGHT}",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One session of a browser; times out after a minute."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        options = {"goog:chromeOptions": {"args": [*ARGUMENTS]}, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._post("/session", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/session/{made['sessionId']}"

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._client.post(path, json=body).raise_for_status().json()["value"]

    def open(self, path: Path) -> None:
        self._post(f"{self._session}/url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        """Return what a script returns, which waits for the next frame first."""
        body = "const done = arguments[0]; requestAnimationFrame(() => setTimeout(() => done((() => {%s})()), 20));"
        return self._post(f"{self._session}/execute/async", {"script": body % script, "args": []})

    def element(self, selector: str) -> dict[str, str]:
        self.run("")  # a page that is still drawing would replace the element
        found = self._post(f"{self._session}/element", {"using": "css selector", "value": selector})
        return {ELEMENT: found[ELEMENT]}

    def text(self, selector: str) -> str:
        found = self.run(f"return document.querySelector({selector!r}).textContent")
        assert isinstance(found, str)
        return found.replace("\u00a0", " ")

    def point(self, selector: str, *actions: dict[str, Any], x: int = 0, y: int = 0) -> None:
        """Move the pointer to a place beside the middle of an element, then do what `actions` say."""
        moved = {"type": "pointerMove", "duration": 0, "origin": self.element(selector), "x": x, "y": y}
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self._post(f"{self._session}/actions", {"actions": [{**mouse, "actions": [moved, *actions]}]})

    def click(self, selector: str) -> None:
        self.point(selector, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def wheel(self, selector: str, delta_y: int) -> None:
        turned = {"type": "scroll", "x": 0, "y": 0, "deltaX": 0, "deltaY": delta_y, "origin": self.element(selector)}
        self._post(f"{self._session}/actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [turned]}]})

    def press(self, key: str) -> None:
        pressed = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._post(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": pressed}]})

    def errors(self) -> list[str]:
        """Return what the browser's console has received since it was last asked."""
        return [line["message"] for line in self._post(f"{self._session}/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._client.delete(self._session)


@contextmanager
def browser(chromedriver: str) -> Iterator[Browser]:
    """Start chromedriver and a browser, and end both afterwards."""
    with subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout is not None
            ports = (re.search(r"successfully on port (\d+)", line) for line in driver.stdout)
            port = next(found[1] for found in ports if found)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                session = Browser(client)
                try:
                    yield session
                finally:
                    session.close()
        finally:
            driver.terminate()
