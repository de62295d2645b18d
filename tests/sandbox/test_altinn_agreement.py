# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two implementations that share no code, the sandbox's and the collection's, agree on policies and decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import (
    _xacml,
    _xacml_evaluate,
    _xacml_parse,
)
from sandbox import xacml, xacml_pdp
from tests.sandbox.test_altinn_xacml import ACCEPTED, REFUSED

EQUAL = "urn:oasis:names:tc:xacml:1.0:function:string-equal"
IGNORE_CASE = "urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case"
ROLE, PACKAGE, RESOURCE, TASK = (
    "urn:altinn:rolecode",
    "urn:altinn:accesspackage",
    "urn:altinn:resource",
    "urn:altinn:task",
)
V3 = "urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm"
ALGORITHMS = (
    f"{V3}:deny-overrides",
    f"{V3}:permit-overrides",
    f"{V3}:ordered-deny-overrides",
    f"{V3}:deny-unless-permit",
    f"{V3}:permit-unless-deny",
    f"{V3}:first-applicable",
    "urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:permit-overrides",
    "urn:oasis:names:tc:xacml:1.0:rule-combining-algorithm:first-applicable",
    "urn:oasis:names:tc:xacml:1.0:rule-combining-algorithm:deny-overrides",
)

# The collection does not read what Altinn would read but never use.
STRICTER_IN_THE_COLLECTION = {"all-parts-in-order", "selector", "empty-obligation-as-last"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_registry_refuses_the_collection_refuses(name: str) -> None:
    with pytest.raises(_xacml.XacmlError):
        _xacml_parse.parse(REFUSED[name])


@pytest.mark.parametrize("name", sorted(set(ACCEPTED) - STRICTER_IN_THE_COLLECTION))
def test_what_the_registry_takes_the_collection_takes(name: str) -> None:
    assert _xacml_parse.parse(ACCEPTED[name]).rules is not None


# --- decisions -------------------------------------------------------------------------------------------------

ATTRIBUTES = (
    (xacml.SUBJECT, ROLE, ("apiadm", "APIADM", "dagl")),
    (xacml.SUBJECT, PACKAGE, ("maskinporten-scopes", "Maskinporten-Scopes")),
    (xacml.RESOURCE, RESOURCE, ("demo-api", "Demo-api")),
    (xacml.RESOURCE, TASK, ("task1",)),
    (xacml.ACTION, xacml.ACTION_ID, ("scopeaccess", "ScopeAccess", "read")),
)


@st.composite
def matches(draw: st.DrawFn) -> str:
    category, attribute, values = draw(st.sampled_from(ATTRIBUTES))
    function = draw(st.sampled_from([EQUAL, IGNORE_CASE, IGNORE_CASE, "urn:unknown"]))
    present = draw(st.sampled_from(["false", "false", "false", "true"]))
    return (
        f'<Match MatchId="{function}"><AttributeValue DataType="{xacml.STRING}">{draw(st.sampled_from(values))}'
        f'</AttributeValue><AttributeDesignator AttributeId="{attribute}" Category="{category}" '
        f'DataType="{xacml.STRING}" MustBePresent="{present}"/></Match>'
    )


def several(inner: st.SearchStrategy[str], name: str, most: int) -> st.SearchStrategy[str]:
    return st.lists(inner, min_size=1, max_size=most).map(lambda found: f"<{name}>{''.join(found)}</{name}>")


@st.composite
def policies(draw: st.DrawFn) -> bytes:
    target = several(several(several(matches(), "AllOf", 2), "AnyOf", 2), "Target", 3)
    rules = ""
    for number in range(draw(st.integers(1, 3))):
        effect = draw(st.sampled_from(["Permit", "Permit", "Deny"]))
        rules += f'<Rule RuleId="r{number}" Effect="{effect}">{draw(target)}</Rule>'
    algorithm = draw(st.sampled_from(ALGORITHMS))
    return (
        f'<Policy xmlns="{xacml.NAMESPACE}" PolicyId="urn:p:1" RuleCombiningAlgId="{algorithm}"><Target/>{rules}</Policy>'
    ).encode()


subjects = st.fixed_dictionaries(
    {},
    optional={
        ROLE: st.lists(st.sampled_from(["apiadm", "dagl", "regna"]), min_size=1, max_size=2),
        PACKAGE: st.just(["maskinporten-scopes"]),
    },
)


@given(policies(), subjects, st.sampled_from(["scopeaccess", "read"]))
def test_both_decide_alike(policy: bytes, subject: dict[str, list[str]], action: str) -> None:
    request = xacml_pdp.DecisionRequest()
    request.add(xacml.RESOURCE, RESOURCE, "demo-api", xacml.STRING)
    request.add(xacml.ACTION, xacml.ACTION_ID, action, xacml.STRING)
    for attribute, values in subject.items():
        for value in values:
            request.add(xacml.SUBJECT, attribute, value, xacml.STRING)
    theirs = xacml_pdp.evaluate(xacml.parse_policy(policy), request).decision
    asked = _xacml_evaluate.request(resource="demo-api", action=action, subject=subject)
    assert _xacml_evaluate.decide(_xacml_parse.parse(policy), asked).answer == theirs
