#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: write_files
short_description: Write a set of text files, all or none, without writing over what somebody has changed
version_added: 1.0.0
description:
  - Writes any number of text files into one folder with one task.
  - A file that holds something else already is not written over unless O(overwrite) says so; then none of the files is written.
  - Each file appears whole or not at all.
  - The roles of this collection write declarations, notices, snapshots and reports with it.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  action_group:
    support: none
    membership: []
    details:
      - This module takes no shared options.
options:
  path:
    description: The folder; it is made where it is missing.
    type: path
    required: true
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name within the folder; may hold folders of its own.
        type: str
        required: true
      text:
        description: What the file holds.
        type: str
        required: true
  overwrite:
    description: Write over files that hold something else.
    type: bool
    default: false
  mode:
    description: Permissions of files that are written.
    type: str
    default: '0644'
"""

EXAMPLES = r"""
- name: Keep two texts
  tilbyder.maskinporten.write_files:
    path: notices
    files:
      - name: 310002100.nb.txt
        text: |
          Til Stille Bre AS
      - name: 310002100.en.txt
        text: |
          To Stille Bre AS
"""

RETURN = r"""
path:
  description: The folder, absolute.
  returned: success
  type: str
results:
  description: What became of each file.
  returned: success
  type: list
  elements: dict
  sample: [{item: 310002100.nb.txt, action: create, changed: true}]
summary:
  description: How many files met each action.
  returned: success
  type: dict
  sample: {create: 2, update: 0, none: 0}
differing:
  description: The files that hold something else.
  returned: when that is why nothing was written
  type: list
  elements: str
"""

from functools import partial

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._files import file_options, write_files
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run_locally


def main() -> None:
    module = AnsibleModule(argument_spec=file_options(), supports_check_mode=True)
    run_locally(module, partial(write_files, diff=module._diff))


if __name__ == "__main__":
    main()
