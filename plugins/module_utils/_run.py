# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The one seam between the collection's core and Ansible: options in, result out; the only ``exit_json`` and ``fail_json``."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._dependencies import MissingLibraryError
from ._errors import CollectionError, redact
from ._options import identity_settings, secrets_in
from ._reconcile import Report
from ._session import ALTINN_VARIABLES, MASKINPORTEN_VARIABLES, Session


@dataclass
class Task:
    """What a module's work gets: the session, the options, and how to speak.

    :ivar result_is_hidden: whether the task hides its result (``no_log: true``), in which case a secret may be returned.
    """

    session: Session
    params: Mapping[str, Any]
    check_mode: bool
    result_is_hidden: bool
    warn: Callable[[str], None]


def run(module: AnsibleModule, work: Callable[[Task], Report | Mapping[str, Any]]) -> NoReturn:
    """Do a module's work and end the module: the report as the result, every known failure as one sentence.

    ``work`` returns a :class:`Report`, or a mapping for a module that only reads.
    """
    try:
        _hide_secrets(module)
        with Session(module.params) as session:
            task = Task(session, module.params, module.check_mode, module.no_log, module.warn)
            answer = work(task)
            requests = dict(session.transport.counts)
    except MissingLibraryError as error:
        module.fail_json(msg=missing_required_lib(error.library), exception=error.import_traceback)
    except CollectionError as error:
        module.fail_json(**error.as_failure())
    except Exception as error:  # noqa: BLE001 - a bug: the only place where a traceback may show
        module.fail_json(
            msg=f"This is a bug in the collection: {type(error).__name__}: {redact(str(error))}. Please report it.",
            exception=redact(traceback.format_exc()),
        )
    finish(module, answer, {kind: requests.get(kind, 0) for kind in ("token", "read", "write")})
    raise AssertionError("unreachable: exit_json and fail_json end the process")


def run_locally(module: AnsibleModule, work: Callable[..., Mapping[str, Any]]) -> NoReturn:
    """Do the work of a module that talks to no service: ``work(params, check_mode=…)`` gives the whole result."""
    try:
        result = work(module.params, check_mode=module.check_mode)
    except CollectionError as error:
        module.fail_json(**error.as_failure())
    else:
        module.exit_json(**result)
    raise AssertionError("unreachable: exit_json and fail_json end the process")


def finish(module: AnsibleModule, answer: Report | Mapping[str, Any], requests: Mapping[str, int]) -> None:
    """End the module with what its work answered: failed when any item failed, with every item's result all the same."""
    if not isinstance(answer, Report):
        module.exit_json(**{"changed": False, **answer, "requests": dict(requests)})
        return
    for warning in answer.warnings:
        module.warn(warning)
    result = {**answer.as_result(), "requests": dict(requests)}
    if module._diff:
        result["diff"] = answer.diff()
    failure = answer.failure_message()
    if failure:
        module.fail_json(msg=failure, **result)
    module.exit_json(**result)


def _hide_secrets(module: AnsibleModule) -> None:
    """Secrets that come from environment variables are censored like those that come as options."""
    for given in (module.params, module.params.get("administration") or {}):
        for prefixes in (MASKINPORTEN_VARIABLES, ALTINN_VARIABLES):
            module.no_log_values.update(secrets_in(identity_settings(given, prefixes)))
