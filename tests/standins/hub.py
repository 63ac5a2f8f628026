"""A hub on this machine: the three calls by which a model's files are found and fetched, over folders."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(BaseHTTPRequestHandler):
    models: dict[str, Path]
    asked: list[str]

    def do_HEAD(self) -> None:
        self.do_GET(body=False)

    def do_GET(self, *, body: bool = True) -> None:
        path = self.path.partition("?")[0].lstrip("/")
        if path.startswith("api/models/"):
            self._describe(path.removeprefix("api/models/"))
            return
        name, _, rest = path.partition("/resolve/")
        file = self.models[name] / rest.partition("/")[2]
        if body:
            self.asked.append(file.name)
        self._answer(200, file.read_bytes() if file.exists() else b"", etag=f'"{file.name}"', body=body)

    def _describe(self, path: str) -> None:
        name, _, rest = path.partition("/revision/" if "/revision/" in path else "/tree/")
        if name == "them/gated":
            self._answer(403, b"{}", code="GatedRepo")
        elif name not in self.models:
            self._answer(404, b"{}", code="RepoNotFound")
        elif rest not in ("main", COMMIT):
            self._answer(404, b"{}", code="RevisionNotFound")
        elif "/tree/" in path:
            files = [file for file in self.models[name].iterdir() if file.is_file()]
            oids = {file: hashlib.sha1(file.read_bytes()).hexdigest() for file in files}
            tree = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": oids[f]} for f in files]
            self._answer(200, json.dumps(tree).encode())
        else:
            siblings = [{"rfilename": file.name} for file in self.models[name].iterdir() if file.is_file()]
            self._answer(200, json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode())

    def _answer(
        self, status: int, content: bytes, *, code: str | None = None, etag: str | None = None, body: bool = True
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        if code is not None:
            self.send_header("X-Error-Code", code)
        if etag is not None:
            self.send_header("ETag", etag)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(models: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Serves folders by name while entered; gives the address, and the names of the files that were fetched."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"models": models, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
