"""A real HTTP server that speaks what the hub's client asks: revisions, file lists, files with ranges; it can fail.

    with Hub() as hub:
        hub.add("org/name", folder)          # a commit, and main moves to it
        ... a program with HF_ENDPOINT=hub.url ...

Repositories are folders. Every request is kept in ``hub.requests``.
"""

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".onnx", ".ckpt")  # what the public hub keeps in large-file storage


@dataclass
class File:
    """A file of a commit."""

    data: bytes
    large: bool

    @property
    def sha256(self):
        return hashlib.sha256(self.data).hexdigest()

    @property
    def blob(self):
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data, usedforsecurity=False).hexdigest()

    @property
    def etag(self):
        return self.sha256 if self.large else self.blob


class Hub(ThreadingHTTPServer):
    """The server, its repositories, and what goes wrong.

    Attributes:
        gated: by repository, the tokens that are let in.
        cuts: by (repository, file), how many downloads break half way.
        errors: by (repository, file), status codes that the next requests get.
        swapped: by (repository, file), bytes that are sent in place of the file's.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.commits, self.refs = {}, {}
        self.gated, self.cuts, self.errors, self.swapped = {}, Counter(), {}, {}
        self.requests, self.lock = [], threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def add(self, name, folder, *, ref="main"):
        """Make a commit of a folder, let a branch or tag point to it, and return its id."""
        files = {
            path.relative_to(folder).as_posix(): File(path.read_bytes(), path.suffix in LARGE)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        told = json.dumps({path: file.sha256 for path, file in files.items()})
        sha = hashlib.sha1(f"{name} {told}".encode(), usedforsecurity=False).hexdigest()
        self.commits[name, sha] = files
        self.refs[name, ref] = sha
        return sha

    def downloads(self):
        """Files that were asked for, with the range."""
        return [(path.partition("/resolve/")[2].partition("/")[2], span) for method, path, span, _ in self.requests
                if method == "GET" and "/resolve/" in path]  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        hub, path = self.server, unquote(urlsplit(self.path).path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        with hub.lock:
            hub.requests.append((self.command, path, self.headers.get("Range"), token))
        if path.startswith("/api/models/"):
            name, _, rest = self._split(path.removeprefix("/api/models/"))
            kind, _, revision = rest.partition("/")
            self._listing(name, kind, revision or "main")
        else:
            name, _, rest = self._split(path.lstrip("/"))
            revision, _, file = rest.removeprefix("resolve/").partition("/")
            self._file(name, revision, file, token)

    @staticmethod
    def _split(path):
        organisation, _, rest = path.partition("/")
        name, slash, rest = rest.partition("/")
        return f"{organisation}/{name}", slash, rest

    def _find(self, name, revision):
        hub = self.server
        if not any(known == name for known, _ in hub.commits):
            return self._refuse(401, "RepoNotFound")
        sha = hub.refs.get((name, revision), revision)
        return (sha, hub.commits[name, sha]) if (name, sha) in hub.commits else self._refuse(404, "RevisionNotFound")

    def _listing(self, name, kind, revision):
        found = self._find(name, revision)
        if found is None:
            return
        sha, files = found
        if kind == "tree":
            told = [
                {"type": "file", "path": path, "size": len(file.data), "oid": file.blob} | self._large(file, "oid")
                for path, file in files.items()
            ]
        else:
            siblings = [
                {"rfilename": path, "size": len(file.data), "blobId": file.blob} | self._large(file, "sha256")
                for path, file in files.items()
            ]
            gated = "auto" if name in self.server.gated else False
            told = {"id": name, "sha": sha, "private": False, "gated": gated, "siblings": siblings}
        self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    @staticmethod
    def _large(file, key):
        return {"lfs": {key: file.sha256, "size": len(file.data), "pointerSize": 134}} if file.large else {}

    def _file(self, name, revision, path, token):
        hub = self.server
        found = self._find(name, revision)
        if found is None:
            return
        sha, files = found
        if name in hub.gated and token not in hub.gated[name]:
            self._refuse(403 if token else 401, "GatedRepo")
        elif path not in files:
            self._refuse(404, "EntryNotFound")
        elif hub.errors.get((name, path)):
            self._refuse(hub.errors[name, path].pop(0), "")
        else:
            self._content(name, path, files[path], sha)

    def _content(self, name, path, file, sha):
        hub, start = self.server, 0
        data = hub.swapped.get((name, path), file.data)
        head = {"ETag": f'"{file.etag}"', "X-Repo-Commit": sha, "X-Linked-Size": str(len(file.data)),
                "Accept-Ranges": "bytes"}  # fmt: skip
        span = self.headers.get("Range")
        if span:
            start = int(span.removeprefix("bytes=").partition("-")[0])
            head["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        part = data[start:]
        cut = self.command == "GET" and hub.cuts[name, path] > 0
        if cut:
            hub.cuts[name, path] -= 1
        self._send(206 if span else 200, part, head, sent=len(part) // 2 if cut else None)

    def _refuse(self, status, code):
        self._send(status, b"{}", {"X-Error-Code": code} if code else {})

    def _send(self, status, data, head, *, sent=None):
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data if sent is None else data[:sent])
            if sent is not None:
                self.close_connection = True
