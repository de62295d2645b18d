# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module's ``main()`` in this process and look at what it returned."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.module_utils.common.text.converters import to_bytes

MODULES = "ansible_collections.tilbyder.maskinporten.plugins.modules"


def run_module(name: str, params: dict[str, Any], check: bool = False, diff: bool = True) -> dict[str, Any]:
    """Run a module of the collection; returns its result, with ``failed: True`` when it failed.

    ``params`` are the task's options; options that are None are left out. A crash (anything but ``exit_json`` and
    ``fail_json``) is raised, so that a test sees it.
    """
    module = importlib.import_module(f"{MODULES}.{name}")
    arguments = {
        **{option: value for option, value in params.items() if value is not None},
        "_ansible_check_mode": check,
        "_ansible_diff": diff,
        "_ansible_remote_tmp": "/tmp",
        "_ansible_keep_remote_files": False,
    }
    # A module has a process of its own; here its warnings would pile up from run to run.
    warnings._global_warnings.clear()
    output = io.StringIO()
    with _arguments(arguments), _outside_the_controller(), contextlib.redirect_stdout(output):
        status: Any = None
        try:
            module.main()
        except SystemExit as exit_:
            status = exit_.code
        else:
            raise AssertionError(f"{name}.main() returned without exit_json or fail_json")
    lines = output.getvalue().strip().splitlines()
    if not lines:
        raise AssertionError(f"{name} printed no result (exit status {status})")
    result: dict[str, Any] = json.loads(lines[-1])
    result.setdefault("failed", bool(status))
    result.setdefault("changed", False)
    return result


@contextlib.contextmanager
def _outside_the_controller() -> Iterator[None]:
    """Have warnings go into the result, as in a module's own process.

    A test that loads a filter or a lookup makes ansible-core (2.19 and later) take this process for the controller,
    which shows warnings instead.
    """
    try:
        from ansible.module_utils import _internal
    except ImportError:
        yield
        return
    with mock.patch.object(_internal, "is_controller", False):
        yield


@contextlib.contextmanager
def _arguments(arguments: dict[str, Any]) -> Iterator[None]:
    """Hand arguments to AnsibleModule the way the running ansible-core wants them."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        # Before ansible-core 2.19.
        serialized = to_bytes(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        with mock.patch.object(basic, "_ANSIBLE_ARGS", serialized):
            yield
        return
    with patch_module_args(arguments):
        yield
