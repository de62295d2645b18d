# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""What can go wrong, as exceptions that already hold the sentence a person reads.

Every class ends up in ``fail_json`` through ``_run``: the text becomes ``msg``, the details stand beside it for machines.
"""

from __future__ import annotations

import re
from typing import Any

# A JWT is three base64url parts of which the first two start with the encoding of '{"'.
_TOKEN = re.compile(r"eyJ[\w-]{4,}(?:\.[\w-]*){1,2}")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
)


def redact(text: str) -> str:
    """Take tokens, assertions and private keys out of a text that others wrote (a server, a library)."""
    return _PRIVATE_KEY.sub("[private key removed]", _TOKEN.sub("[token removed]", text))


class CollectionError(Exception):
    """Base of every failure a user can cause or meet.

    :ivar message: one sentence (or a few) for a person: what is wrong, where, what to do.
    :ivar details: JSON-able facts for machines, e.g. ``status``, ``code``, ``trace_id``, ``item``.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(redact(message))
        self.details = {key: value for key, value in details.items() if value is not None}

    @property
    def message(self) -> str:
        return str(self.args[0])

    def as_failure(self) -> dict[str, Any]:
        """The keyword arguments of ``fail_json``."""
        return {"msg": self.message, **self.details}


class InputError(CollectionError):
    """The declaration cannot be right; raised before any request."""


class GuardError(CollectionError):
    """A safety rule refuses; the message names the option that says otherwise."""


class ConnectionFailedError(CollectionError):
    """No usable answer came back: network, TLS, time-out, broken body."""


class ApiError(CollectionError):
    """A service answered with an error.

    :ivar status: HTTP status.
    :ivar code: the service's own code (``MP-250``, ``RR-00001`` …) or None.
    :ivar server_message: the service's own text, secrets removed.
    :ivar trace_id: what the service's support asks for, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        server_message: str = "",
        trace_id: str | None = None,
        **details: Any,
    ) -> None:
        server_message = redact(server_message)
        super().__init__(
            message,
            status=status,
            code=code,
            server_message=server_message or None,
            trace_id=trace_id,
            **details,
        )
        self.status = status
        self.code = code
        self.server_message = server_message
        self.trace_id = trace_id


class AuthenticationError(ApiError):
    """Maskinporten gave no token, or a service did not take the one it gave."""
