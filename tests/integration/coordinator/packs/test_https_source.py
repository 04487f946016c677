"""Packs over https from a real server: only what changed is sent, and never in the clear."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stt_coordinator.packs.https import PAUSES_S, Client, FetchError
from stt_coordinator.packs.sources import HttpsSource
from stt_shared.pack.transfer import Parcel
from tests.servers import certificates
from tests.support.shared import packs

DATA, SIGNATURE = packs.Signer().signed(packs.make())
ETAG, MODIFIED = '"v1"', "Mon, 23 Nov 2026 12:00:00 GMT"


@dataclass
class Site:
    """A web server of packs; `says` are its next answers, `asked` what was asked of it."""

    url: str = ""
    says: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def source(self, path: str = "/checks.sttpack") -> HttpsSource:
        client = Client(context=self.context, pause=self.pause)
        return HttpsSource(url=self.url + path, client=client)


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen = self.headers.get("If-None-Match") or ""
            since = self.headers.get("If-Modified-Since") or ""
            site.asked.append((self.path, seen, since))
            code, headers, body = self.answer()
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self) -> tuple[int, dict[str, str], bytes]:
            if site.says:
                return site.says.pop(0)
            if self.path not in site.files:
                return 404, {}, b""
            if self.headers.get("If-None-Match") == ETAG:
                return 304, {}, b""
            return 200, {"ETag": ETAG, "Last-Modified": MODIFIED}, site.files[self.path]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's own name
            del format, args

    return Handler


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificates:
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def site(keys: certificates.Certificates) -> Iterator[Site]:
    made = Site(context=ssl.create_default_context(cafile=keys.ca))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.cert, keys.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.url = f"https://127.0.0.1:{server.server_port}"
    made.files = {"/checks.sttpack": DATA, "/checks.sttpack.minisig": SIGNATURE.encode()}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join(30)
    server.server_close()


async def test_a_pack_comes_with_its_signature_and_is_not_sent_again_unchanged(site: Site) -> None:
    first = await site.source().offer(None)
    assert first.parcel == Parcel(data=DATA, signature=SIGNATURE)
    assert (first.version.etag, first.version.modified) == (ETAG, MODIFIED)
    site.asked.clear()
    assert await site.source().offer(first) == first
    assert site.asked == [
        ("/checks.sttpack", ETAG, MODIFIED),
        ("/checks.sttpack.minisig", "", ""),
    ]


async def test_an_unchanged_pack_that_another_key_signed_has_the_new_signature(site: Site) -> None:
    first = await site.source().offer(None)
    site.files["/checks.sttpack.minisig"] = b"another"
    again = await site.source().offer(first)
    assert again.parcel == Parcel(data=DATA, signature="another")


async def test_what_may_pass_is_tried_again_after_growing_pauses(site: Site) -> None:
    site.says = [(503, {}, b""), (429, {}, b"")]
    assert (await site.source().offer(None)).parcel.data == DATA
    assert site.pauses == list(PAUSES_S)


async def test_a_server_that_stays_broken_is_given_up_with_its_answer(site: Site) -> None:
    site.says = [(503, {}, b"")] * 3
    with pytest.raises(FetchError, match="answers 503 Service Unavailable"):
        await site.source().offer(None)
    assert len(site.asked) == 3


async def test_what_is_not_there_is_not_asked_for_again(site: Site) -> None:
    with pytest.raises(FetchError, match="nothing answers 404"):
        await site.source("/nothing").offer(None)
    assert len(site.asked) == 1
    del site.files["/checks.sttpack.minisig"]
    with pytest.raises(FetchError, match="minisig answers 404"):
        await site.source().offer(None)


async def test_an_answer_that_breaks_off_is_no_pack(site: Site) -> None:
    short = (200, {"Content-Length": str(len(DATA) + 10)}, DATA)
    site.says = [short, short, short]
    with pytest.raises(FetchError, match="breaks off"):
        await site.source().offer(None)
    assert len(site.asked) == 3


async def test_an_answer_over_the_limit_is_not_read_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stt_coordinator.packs.sources.MAX_PACK_BYTES", 1_000)
    with pytest.raises(FetchError, match="is larger than 1000 bytes, the limit"):
        await site.source().offer(None)
    assert len(site.asked) == 1


async def test_an_answer_that_takes_too_long_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stt_coordinator.packs.https.WHOLE_S", -1.0)
    with pytest.raises(FetchError, match="takes longer than"):
        await site.source().offer(None)


async def test_a_redirect_is_followed_over_tls_and_never_into_the_clear(site: Site) -> None:
    site.says = [(302, {"Location": f"{site.url}/checks.sttpack"}, b"")]
    moved = await Client(context=site.context).get(f"{site.url}/old", 1_000_000)
    assert moved is not None
    assert moved.data == DATA
    for where in ("http://127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x"):
        site.says = [(302, {"Location": where}, b"")]
        with pytest.raises(FetchError, match=r"expected https://|answers 302"):
            await Client(context=site.context).get(f"{site.url}/old", 1_000_000)


async def test_a_server_with_an_unknown_authority_or_another_name_is_rejected(
    site: Site, keys: certificates.Certificates
) -> None:
    site.context = ssl.create_default_context(cafile=keys.other_ca)
    with pytest.raises(FetchError, match=r"cannot be reached .*certificate verify failed"):
        await site.source().offer(None)
    assert site.asked == []


async def test_a_server_that_answers_not_modified_to_the_first_request_is_an_error_of_its_own(
    site: Site,
) -> None:
    site.says = [(304, {}, b"")]
    with pytest.raises(FetchError, match="answers 304 to a request without conditions"):
        await site.source().offer(None)


async def test_a_body_is_used_as_sent_and_never_decompressed(site: Site) -> None:
    packed = gzip.compress(bytes(100_000))
    site.says = [(200, {"Content-Encoding": "gzip"}, packed)]
    body = await Client(context=site.context).get(f"{site.url}/checks.sttpack", len(packed))
    assert body is not None
    assert body.data == packed
