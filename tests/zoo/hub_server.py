"""A stand-in for the Hugging Face Hub: as much of its HTTP interface as pushing and pulling files needs."""

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubServer(ThreadingHTTPServer):
    """Keeps files in memory.

    Attributes
    ----------
    repositories
        Content of each file, by repository and name.
    tokens
        Access tokens that were sent.
    requests
        Method and path of each.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.tokens: set[str | None] = set()
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def parse_request(self):
        is_whole = super().parse_request()
        if is_whole:
            self.server.tokens.add(self.headers.get("Authorization"))
            self.server.requests.append(f"{self.command} {self.path}")
        return is_whole

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        if path == "/api/repos/create":
            values = json.loads(body)
            repository = "/".join(part for part in (values.get("organization"), values["name"]) if part)
            is_new = repository not in self.server.repositories
            self.server.repositories.setdefault(repository, {})
            return self.reply({"url": f"{self.server.url}/{repository}"}, 200 if is_new else 409)
        if found := re.fullmatch(r"/api/models/(.+)/preupload/main", path):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.reply({"files": files})
        if found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            files = self.server.repositories[found[1]]
            for line in body.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            return self.reply({"commitUrl": f"{self.server.url}/{found[1]}/commit/{'1' * 40}", "commitOid": "1" * 40})
        return self.missing("RepoNotFound")

    def do_GET(self):
        path = self.path.split("?")[0]
        if found := re.fullmatch(r"/api/models/(.+)/tree/main/?", path):
            if found[1] not in self.server.repositories:
                return self.missing("RepoNotFound")
            files = self.server.repositories[found[1]]
            return self.reply(
                [
                    {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                    for name, content in files.items()
                ]
            )
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/main)?", path):
            if found[1] not in self.server.repositories:
                return self.missing("RepoNotFound")
            siblings = [{"rfilename": name} for name in self.server.repositories[found[1]]]
            return self.reply({"id": found[1], "sha": "1" * 40, "siblings": siblings})
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            files = self.server.repositories.get(found[1])
            if files is None:
                return self.missing("RepoNotFound")
            if found[2] not in files:
                return self.missing("EntryNotFound")
            content = files[found[2]]
            headers = {"X-Repo-Commit": "1" * 40, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
            return self.send(content, 200, "application/octet-stream", headers)
        return self.missing("RepoNotFound")

    def do_HEAD(self):
        self.do_GET()

    def missing(self, code: str):
        self.send(b"{}", 404, "application/json", {"X-Error-Code": code})

    def reply(self, value, status: int = 200, kind: str = "application/json"):
        self.send(json.dumps(value).encode(), status, kind, {})

    def send(self, content: bytes, status: int, kind: str, headers: dict[str, str]):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
