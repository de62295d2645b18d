# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""HTTP for the whole collection: one client a process, retries that are safe, and an account of every request.

Knows nothing of Maskinporten or Altinn. Retries connection errors, 429 and 5xx (nothing else) with growing, jittered delay and
honours ``Retry-After``; never follows a redirect; talks plain http only to this machine.
"""

from __future__ import annotations

import email.utils
import json
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from ._dependencies import require
from ._environments import is_loopback
from ._errors import CollectionError, ConnectionFailedError, InputError

if TYPE_CHECKING:
    import httpx

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

DEFAULT_TIMEOUT: Final = 30.0
DEFAULT_RETRIES: Final = 4
DEFAULT_CONCURRENCY: Final = 4
# A service that asks for a longer pause than this is down; saying so beats hanging.
LONGEST_RETRY_AFTER: Final = 120.0
_FIRST_DELAY: Final = 0.4
_LONGEST_DELAY: Final = 15.0
# An error page of a gateway can be long; an answer of ours is not.
LARGEST_ANSWER: Final = 256 * 1024 * 1024
USER_AGENT: Final = "tilbyder.maskinporten"


class Bearer(Protocol):
    """What gives a request its bearer token."""

    def bearer(self) -> str:
        """A token that is valid now."""

    def renew(self, rejected: str) -> bool:
        """The service refused this token with 401: make another, if that can help."""


@dataclass(frozen=True)
class Response:
    """An answer, read in whole.

    :ivar headers: names in lower case.
    :ivar elapsed: seconds, of the last attempt.
    """

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8-sig", "replace")

    def json(self) -> Any:
        """The body as JSON, or None where it isn't (an empty body, a gateway's HTML page)."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    @property
    def date(self) -> float | None:
        """The server's clock (header ``Date``) in seconds since 1970, or None."""
        try:
            return email.utils.parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return None


def query(url: str, **parameters: str | bool | None) -> str:
    """An address with query parameters, every reserved character percent-encoded (scope names hold ``:`` and ``/``)."""
    given = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in parameters.items()
        if value is not None
    }
    return f"{url}?{urlencode(given, quote_via=quote, safe='')}" if given else url


def path_segment(value: str) -> str:
    """A value made safe as one path segment.

    :raises InputError: it would be read as something else than a name (``.``, ``..``, empty).
    """
    if value in ("", ".", ".."):
        raise InputError(f"'{value}' cannot be part of an address.")
    return quote(value, safe="")


class Transport:
    """The one HTTP client of a process; safe to use from several threads.

    :ivar counts: requests made so far by kind (``token``, ``read``, ``write``), retries included.
    """

    def __init__(
        self,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        concurrency: int = DEFAULT_CONCURRENCY,
        ca_path: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        require("httpx")
        self._timeout = timeout
        self._retries = retries
        self.concurrency = max(1, concurrency)
        self._ca_path = ca_path
        self._sleep = sleep
        self._lock = threading.Lock()
        self._clients: dict[bool, httpx.Client] = {}
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def request(
        self,
        method: str,
        url: str,
        *,
        auth: Bearer | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        retry_statuses: Sequence[int] = (429, 500, 502, 503, 504),
        kind: str | None = None,
        fresh: Callable[[], Mapping[str, str]] | None = None,
    ) -> Response:
        """Send a request and read the answer, whatever its status; errors of the service are for the caller to judge.

        :param auth: gives the bearer token; on a 401 it is asked once for another one.
        :param body: sent as JSON. ``form``: sent as a form. ``files``: sent as multipart.
        :param repeatable: False for a request that must not be sent twice unless the service said that it did nothing (429, 503).
        :param retry_statuses: which statuses are tried again.
        :param kind: what the request counts as; by default ``read`` for GET and HEAD, else ``write``.
        :param fresh: makes the form anew for every attempt (a grant may be used only once).
        :raises ConnectionFailedError: no whole answer in all attempts.
        """
        kind = kind or ("read" if method in ("GET", "HEAD") else "write")
        if not repeatable:
            retry_statuses = tuple(status for status in retry_statuses if status in (429, 503))
        attempt = 0
        renewed = False
        while True:
            attempt += 1
            try:
                token = auth.bearer() if auth else None
                response = self._send(
                    method, url, token=token, body=body, form=fresh() if fresh else form, files=files, headers=headers,
                    kind=kind,
                )  # fmt: skip
            except ConnectionFailedError as error:
                if attempt > self._retries or not error.details.get("repeatable", True):
                    raise
                if not repeatable and not error.details.get("never_sent"):
                    raise
                self._sleep(self._delay(attempt))
                continue
            if response.status == 401 and auth and token and not renewed and auth_may_renew(response):
                renewed = True
                if auth.renew(token):
                    continue
            if response.status in retry_statuses and attempt <= self._retries:
                wait = self._retry_after(response)
                if wait is None or wait <= LONGEST_RETRY_AFTER:
                    self._sleep(wait if wait is not None else self._delay(attempt))
                    continue
            return response

    def map(
        self, function: Callable[[Item], Outcome], items: Iterable[Item]
    ) -> list[Outcome | CollectionError]:
        """Call a function for each item, at most :attr:`concurrency` at a time; results in the order of the items.

        A failure of ours is returned in its place, so that every item is tried.
        """

        def guarded(item: Item) -> Outcome | CollectionError:
            try:
                return function(item)
            except CollectionError as error:
                return error

        todo = list(items)
        if len(todo) < 2 or self.concurrency == 1:
            return [guarded(item) for item in todo]
        with ThreadPoolExecutor(max_workers=min(self.concurrency, len(todo))) as pool:
            return list(pool.map(guarded, todo))

    # -- inside ---------------------------------------------------------------

    def _send(
        self,
        method: str,
        url: str,
        *,
        token: str | None,
        body: Any,
        form: Mapping[str, str] | None,
        files: Mapping[str, tuple[str, bytes, str]] | None,
        headers: Mapping[str, str] | None,
        kind: str,
    ) -> Response:
        import httpx

        sent = {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        client = self._client(url)
        with self._lock:
            self.counts[kind] += 1
        began = time.monotonic()
        try:
            answer = client.request(method, url, json=body, data=form, files=files, headers=sent)
        except httpx.ConnectError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error) or isinstance(error.__cause__, ssl.SSLError):
                raise ConnectionFailedError(
                    f"{_host(url)}: its certificate cannot be verified ({_reason(error)}). Behind a proxy that inspects TLS, "
                    "give the proxy's certificate authority in ca_path.",
                    url=url,
                    repeatable=False,
                ) from None
            raise ConnectionFailedError(
                f"{_host(url)} cannot be reached ({_reason(error)}). Check the address, the firewall and the proxy settings.",
                url=url,
                never_sent=True,
            ) from None
        except httpx.TimeoutException as error:
            raise ConnectionFailedError(
                f"{method} {_path(url)}: no answer from {_host(url)} within {self._timeout:g} seconds.",
                url=url,
                never_sent=isinstance(error, httpx.ConnectTimeout),
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise ConnectionFailedError(
                f"{method} {_path(url)}: the connection to {_host(url)} broke ({_reason(error)}).", url=url
            ) from None
        return Response(
            method=method,
            url=url,
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            body=answer.content,
            elapsed=time.monotonic() - began,
        )

    def _client(self, url: str) -> httpx.Client:
        import httpx

        encrypted = urlsplit(url).scheme == "https"
        if not encrypted and not is_loopback(url):
            raise InputError(f"{_host(url)}: plain http is allowed only to this machine.")
        with self._lock:
            if encrypted not in self._clients:
                limits = httpx.Limits(max_connections=self.concurrency + 1)
                # The loopback client trusts nothing and asks no proxy, so it costs no reading of certificates.
                context = self._ssl_context() if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                self._clients[encrypted] = httpx.Client(
                    timeout=self._timeout,
                    verify=context,
                    limits=limits,
                    trust_env=encrypted,
                    follow_redirects=False,
                )
            return self._clients[encrypted]

    def _ssl_context(self) -> ssl.SSLContext | bool:
        if not self._ca_path:
            return True
        try:
            return ssl.create_default_context(cafile=self._ca_path)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"ca_path: cannot read certificates from {self._ca_path} ({_reason(error)})."
            ) from None

    def _delay(self, attempt: int) -> float:
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads retries, guards nothing
        return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (attempt - 1)) * jitter

    @staticmethod
    def _retry_after(response: Response) -> float | None:
        value = response.headers.get("retry-after")
        if not value:
            return None
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        try:
            until = email.utils.parsedate_to_datetime(value).timestamp()
        except (ValueError, TypeError):
            return None
        return max(0.0, until - (response.date or time.time()))


def auth_may_renew(response: Response) -> bool:
    """Whether a 401 can be about the token's age; a body that lists ``errors`` says that the request itself is refused."""
    answer = response.json()
    return not (isinstance(answer, dict) and isinstance(answer.get("errors"), dict) and answer["errors"])


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _path(url: str) -> str:
    return urlsplit(url).path


def _reason(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
