#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show_text
short_description: Print a text as it is
version_added: 1.0.0
description:
  - Prints a table or a letter with its lines as they are, on the terminal and in the output of a job.
  - Does nothing else, on no host.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.attributes
  - tilbyder.maskinporten.attributes.info_module
attributes:
  action_group:
    support: none
    membership: []
    details:
      - This module takes no shared options.
  action:
    description: Indicates that this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
options:
  text:
    description: The text.
    type: str
    required: true
  title:
    description: A heading to print above it.
    type: str
"""

EXAMPLES = r"""
- name: Show what was read
  tilbyder.maskinporten.show_text:
    title: Consumers
    text: |
      310002100  STILLE BRE AS
      310004774  TRYGG MOSE AS
"""

RETURN = r"""# """
