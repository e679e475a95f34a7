"""`orchestrator.http`, against a real server on loopback; and what it may not reach."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model.errors import SettingsError, TaskInputError
from orchestrator_tasks import HttpFailed, HttpStatusError, Refused, http
from orchestrator_tasks.egress import judge
from orchestrator_tasks.settings import task_settings


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/to":
            self.answer(302, b"", location=self.path.partition("?")[2])
        elif path == "/loop":
            self.answer(302, b"", location="/loop")
        elif path == "/status":
            self.answer(int(self.path.partition("?")[2]), b"the reason")
        elif path == "/big":
            self.answer(200, b'{"x": "' + b"x" * 500_000 + b'"}', kind="application/json")
        elif path == "/text":
            self.answer(200, "Größe".encode("latin-1"), kind="text/plain; charset=iso-8859-1")
        elif path == "/broken-json":
            self.answer(200, b"{", kind="application/json")
        elif path == "/drip":
            self.send_response(200)
            self.send_header("Content-Length", "100000000")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 20_000)
                    threading.Event().wait(0.05)
            except OSError:
                self.close_connection = True
        elif path == "/silent":
            threading.Event().wait(3)
            self.close_connection = True
        else:
            length = int(self.headers.get("Content-Length", 0))
            seen = {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": self.rfile.read(length).decode(),
            }
            self.answer(200, json.dumps(seen).encode(), kind="application/json")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def answer(self, status: int, body: bytes, *, kind: str = "text/plain", location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        httpd.block_on_close = False
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("ORCHESTRATOR_HTTP_ALLOW", "127.0.0.0/8")
    task_settings.cache_clear()
    yield monkeypatch
    task_settings.cache_clear()


def allow(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ORCHESTRATOR_HTTP_ALLOW", value)
    task_settings.cache_clear()


def run(*args: Any, **kwargs: Any) -> Any:
    return http.apply(args=args, kwargs=kwargs).get()


def test_a_json_answer(server: str) -> None:
    answer = run(f"{server}/a?b=c", headers={"X-Mine": "1"})
    assert answer["status"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["json"]["path"] == "/a?b=c"
    assert answer["json"]["headers"]["x-mine"] == "1"
    assert (answer["truncated"], "text" in answer) == (False, False)


def test_bodies(server: str) -> None:
    assert run(server, method="POST", json={"a": 1})["json"]["body"] == '{"a":1}'
    assert run(server, method="PUT", data="raw")["json"]["body"] == "raw"
    assert run(server, method="PATCH", data={"a": "b c"})["json"]["body"] == "a=b+c"
    assert run(server, params={"q": "x y"})["json"]["path"] == "/?q=x+y"


def test_the_host_header_is_the_name_not_the_address(server: str, allowed: pytest.MonkeyPatch) -> None:
    allow(allowed, "localhost")
    port = server.rpartition(":")[2]
    assert run(f"http://localhost:{port}/")["json"]["headers"]["host"] == f"localhost:{port}"


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A server with a certificate for `localhost`; its port and certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        httpd.handle_error = lambda *_: None  # type: ignore[method-assign]
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        yield httpd.server_port, certificate
        httpd.shutdown()
        thread.join()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_a_certificate_is_checked_by_the_name(tls_server: tuple[int, Path], allowed: pytest.MonkeyPatch) -> None:
    """The connection goes to an address; the certificate must be that of the name, by an authority that is known."""
    port, certificate = tls_server
    with pytest.raises(HttpFailed, match="CERTIFICATE_VERIFY_FAILED"):
        run(f"https://localhost:{port}/")
    allowed.setenv("SSL_CERT_FILE", str(certificate))
    assert run(f"https://localhost:{port}/there")["json"]["path"] == "/there"
    with pytest.raises(HttpFailed, match="CERTIFICATE_VERIFY_FAILED"):
        run(f"https://127.0.0.1:{port}/")
    assert run(f"https://127.0.0.1:{port}/", verify=False)["status"] == 200


def test_text_and_broken_json_come_as_text(server: str) -> None:
    assert run(f"{server}/text")["text"] == "Größe"
    assert run(f"{server}/broken-json")["text"] == "{"


def test_a_long_body_is_cut_and_marked(server: str) -> None:
    answer = run(f"{server}/big", keep_bytes=1_000)
    assert (len(answer["text"]), answer["truncated"], "json" in answer) == (1_000, True, False)
    assert len(run(f"{server}/big", keep_bytes=600_000)["json"]["x"]) == 500_000


def test_statuses(server: str) -> None:
    with pytest.raises(HttpStatusError, match=r"^orchestrator.http: GET http://.*/status answered 503 Service Unavail"):
        run(f"{server}/status?503")
    assert run(f"{server}/status?404", ok_statuses=[200, 404])["status"] == 404
    with pytest.raises(HttpStatusError):
        run(server, ok_statuses=[204])
    with pytest.raises(HttpStatusError, match="302"):
        run(f"{server}/to?/x", follow_redirects=False)


def test_errors_do_not_repeat_secrets_of_the_url(server: str) -> None:
    with pytest.raises(HttpStatusError) as caught:
        run(server.replace("//", "//user:hunter2@") + "/status?500")
    assert "hunter2" not in str(caught.value)
    assert "?500" not in str(caught.value)


def test_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HttpFailed, match="Connection refused"):
        run(f"http://127.0.0.1:{port}/")
    with pytest.raises(HttpFailed, match=r"no address for 'no-such-host\.invalid'"):
        run("http://no-such-host.invalid/")


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_the_timeout_is_for_the_whole_request(server: str, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(HttpFailed, match=r"no answer within 0\.5 s"):
        run(f"{server}{path}", timeout=0.5, keep_bytes=1 << 20)
    assert time.monotonic() - started < 2


def test_redirects(server: str) -> None:
    assert run(f"{server}/to?/there")["json"]["path"] == "/there"
    with pytest.raises(HttpFailed, match="redirects"):
        run(f"{server}/loop")


def test_a_redirect_is_judged_like_the_first_request(server: str) -> None:
    with pytest.raises(Refused, match=r"'169\.254\.169\.254' is the private address"):
        run(f"{server}/to?http://169.254.169.254/latest/meta-data/")


def test_credentials_do_not_follow_to_another_host(server: str, allowed: pytest.MonkeyPatch) -> None:
    allow(allowed, "127.0.0.1,localhost")
    target = server.replace("127.0.0.1", "localhost")
    answer = run(f"{server}/to?{target}/there", headers={"Authorization": "Bearer hunter2"})
    assert "authorization" not in answer["json"]["headers"]


PRIVATE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "localhost", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_private_places_are_refused_by_default_in_every_spelling(host: str, allowed: pytest.MonkeyPatch) -> None:
    allow(allowed, "")
    with pytest.raises(Refused, match="ORCHESTRATOR_HTTP_ALLOW"):
        run(f"http://{f'[{host}]' if ':' in host else host}/", timeout=1)


def test_public_addresses_pass() -> None:
    assert str(judge("93.184.215.14", 80, ())) == "93.184.215.14"
    assert str(judge("2606:4700::1111", 80, ())) == "2606:4700::1111"


def test_a_name_is_looked_up_once(server: str, allowed: pytest.MonkeyPatch) -> None:
    """A server that answers a first look-up with a public address and a second with a private one gains nothing."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "rebind.example":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return real(host, port, *args, **kwargs)

    allowed.setattr(socket, "getaddrinfo", rebinding)
    allow(allowed, "127.0.0.1/32")
    port = server.rpartition(":")[2]
    assert run(f"http://rebind.example:{port}/")["json"]["headers"]["host"] == f"rebind.example:{port}"
    assert asked == ["rebind.example"]


@pytest.mark.parametrize(
    ("rules", "host", "passes"),
    [
        ("api.internal", "api.internal", True),
        ("api.internal", "API.internal", True),
        ("api.internal", "x.api.internal", False),
        ("*.internal", "api.internal", True),
        ("*.internal", "internal", False),
        ("10.0.0.0/8", "api.internal", True),
        ("192.168.0.0/16", "api.internal", False),
        ("10.1.2.3", "api.internal", True),
    ],
)
def test_what_the_setting_allows(rules: str, host: str, passes: bool, allowed: pytest.MonkeyPatch) -> None:
    allowed.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.1.2.3", 80))])
    if passes:
        assert str(judge(host, 80, tuple(rules.split(",")))) == "10.1.2.3"
    else:
        with pytest.raises(Refused):
            judge(host, 80, tuple(rules.split(",")))


def test_a_wrong_rule_is_told() -> None:
    with pytest.raises(SettingsError, match=r"^ORCHESTRATOR_HTTP_ALLOW: '10\.0\.0\.0/99' is no host, "):
        judge("example.org", 80, ("10.0.0.0/99",))


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"url": "ftp://example.org"}, "url: string should match pattern"),
        ({"url": "file:///etc/passwd"}, "url: string should match pattern"),
        ({"url": "http://a:b:c/"}, "url: Invalid"),
        ({"url": "http://example.org", "method": "TRACE"}, "method: input should be 'GET', "),
        ({"url": "http://example.org", "timeout": 0}, "timeout: input should be greater than 0"),
        ({"url": "http://example.org", "json": 1, "data": "x"}, "json, data: only one of them"),
    ],
)
def test_wrong_arguments(args: dict[str, Any], line: str) -> None:
    with pytest.raises(TaskInputError) as caught:
        run(**args)
    assert str(caught.value).startswith(f"orchestrator.http: {line}")
