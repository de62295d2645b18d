# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of an access list, for any list, any unknown organisations, and anyone who interferes at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _access_list_api as api
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_declared import (
    DeclaredList,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_plan import (
    PlannedList,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_write import Writer
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import ApiError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._reconcile import Step


class Registry:
    """A list that behaves as the registry's: versions, at most 100 at a time, one unknown organisation refuses all."""

    owner = "demo"

    def __init__(
        self, members: set[str], unknown: set[str], interference: Sequence[tuple[str, str] | None]
    ) -> None:
        self.members = set(members)
        self.unknown = unknown
        self.interference = list(interference)
        self.version = 1
        self.writes = 0

    def read(self, identifier: str, **_arguments: Any) -> api.LiveList:
        return api.LiveList({"name": identifier}, str(self.version), {number: {} for number in self.members})

    def add(self, identifier: str, numbers: Sequence[str], tag: str) -> str:
        return self._write(identifier, numbers, tag, adding=True)

    def remove(self, identifier: str, numbers: Sequence[str], tag: str) -> str:
        return self._write(identifier, numbers, tag, adding=False)

    def _write(self, identifier: str, numbers: Sequence[str], tag: str, *, adding: bool) -> str:
        self.writes += 1
        assert 0 < len(numbers) <= 100
        assert len(set(numbers)) == len(numbers)
        if self.interference:
            other = self.interference.pop(0)
            if other is not None:
                action, number = other
                (self.members.add if action == "add" else self.members.discard)(number)
                self.version += 1
        if tag != str(self.version):
            raise api.ConflictError("moved", item=identifier)
        if self.unknown & set(numbers):
            raise ApiError("unknown", status=400, code=api.UNKNOWN_PARTY)
        before = set(self.members)
        self.members = before | set(numbers) if adding else before - set(numbers)
        self.version += self.members != before
        return str(self.version)


def planned(registry: Registry, adding: Sequence[str], removing: Sequence[str]) -> PlannedList:
    declared = DeclaredList("one", "one", "demo", None, None, True, None, {}, False, False)
    found = PlannedList(declared, "demo", registry, registry.read("one"))  # type: ignore[arg-type]
    found.itself = Step("demo:one", "none")
    found.rows = [Step(number, "grant") for number in adding] + [
        Step(number, "revoke") for number in removing
    ]
    return found


NUMBERS = [f"{number:09}" for number in range(400)]
STRANGERS = [f"9{number:08}" for number in range(3)]


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_comes_between_everybody_known_ends_where_declared(data: st.DataObject) -> None:
    members = set(data.draw(st.sets(st.sampled_from(NUMBERS), max_size=250)))
    adding = sorted(set(NUMBERS[: data.draw(st.integers(0, 400))]) - members)
    removing = sorted(
        data.draw(st.sets(st.sampled_from(sorted(members)), max_size=130)) if members else set()
    )
    unknown = set(data.draw(st.sets(st.sampled_from(adding), max_size=4))) if adding else set()
    interference = data.draw(
        st.lists(
            st.one_of(
                st.none(),
                st.tuples(st.sampled_from(["add", "remove"]), st.sampled_from([*NUMBERS[:60], *STRANGERS])),
            ),
            max_size=6,
        )
    )
    # Nobody else may know an organisation that the registry doesn't.
    interference = [other for other in interference if other is None or other[1] not in unknown]
    registry = Registry(members, unknown, interference)
    plan = planned(registry, adding, removing)
    writer = Writer(plan, plan.live, lambda _resource, _mode: {})
    writer._patience = api.Patience(lambda _seconds: None)
    writer.run()

    failed = {step.item for step in plan.rows if step.error}
    assert failed == unknown
    assert all(step.done for step in plan.rows if not step.error)
    touched = {other[1] for other in interference if other}
    # Whoever nobody else touched is where the declaration wants it.
    for number in set(adding) - unknown - touched:
        assert number in registry.members
    for number in set(removing) - touched:
        assert number not in registry.members
    for number in members - set(removing) - touched:
        assert number in registry.members
    # What others did to numbers that we do not speak of stands.
    spoken = set(adding) | set(removing)
    last = {other[1]: other[0] for other in interference[: registry.writes] if other}
    for number, action in last.items():
        if number not in spoken:
            assert (number in registry.members) is (action == "add")


@settings(max_examples=60)
@given(adding=st.integers(0, 400), removing=st.integers(0, 250))
def test_undisturbed_the_writes_are_as_few_as_can_be(adding: int, removing: int) -> None:
    members = {f"8{number:08}" for number in range(250)}
    registry = Registry(members, set(), [])
    plan = planned(registry, NUMBERS[:adding], sorted(members)[:removing])
    Writer(plan, plan.live, lambda _resource, _mode: {}).run()
    assert registry.writes == -(-adding // 100) + -(-removing // 100)


@settings(max_examples=60)
@given(unknown=st.sets(st.integers(0, 99), min_size=1, max_size=3))
def test_unknown_organisations_cost_no_more_than_a_halving_each(unknown: set[int]) -> None:
    registry = Registry(set(), {NUMBERS[place] for place in unknown}, [])
    plan = planned(registry, NUMBERS[:100], [])
    Writer(plan, plan.live, lambda _resource, _mode: {}).run()
    assert len(registry.members) == 100 - len(unknown)
    # Seven halvings lead from a hundred to one, each with two requests, and the first refusal.
    assert registry.writes <= 1 + 14 * len(unknown)
