"""Accounts are read while others are still listed: whatever comes first, the outcome is that of one after the other."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide import scope
from orchestrator.core.model import (
    Account,
    AwsError,
    Halt,
    HaltCause,
    Inventory,
    Mode,
    Organization,
    OrganizationalUnit,
    Region,
    TargetStatus,
)
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.errors import OrganizationError
from orchestrator.ports import RegionStatus, World, always, no_telling
from orchestrator.sweep import listing as listing_module
from orchestrator.sweep import read as read_module
from orchestrator.sweep.listing import Listing, list_accounts
from orchestrator.sweep.read import (
    ENDED_EARLY,
    Reading,
    complete_inventory,
    inventory_so_far,
    list_and_read,
    read_accounts,
)
from orchestrator.sweep.run import run_sweep
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, an_account
from tests.support.fake_world import (
    EVERYTHING,
    MANAGEMENT,
    ONE,
    REGIONS,
    THREE,
    TWO,
    FakeWorld,
    _Organization,
    a_world,
    coverage,
    halted_after,
    unreadable,
)

OPTED_OUT = {"stop-orchestrator:opt-out": "true"}
POLICY = a_policy(f"{EVERYTHING}\norganization: {{include: [/Dev], exclude: [/Dev/Not]}}")
KILLED = Halt(HaltCause.KILL_SWITCH, "pulled")


class DrawnPool:
    """In place of the pool: its tasks run one after the other, in an order that is drawn; so do their results come."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._draw = draw
        self._waiting: list[Callable[[], Any]] = []
        self._told: deque[Any] = deque()
        self._done: list[Any] = []

    def __call__(self, workers: int) -> Self:
        assert workers
        return self

    def __class_getitem__(cls, _: Any) -> type[Self]:
        return cls

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()

    def submit(self, function: Callable[..., Any], *arguments: Any, first: bool = False) -> None:
        del first
        self._waiting.append(lambda: function(*arguments))

    def tell(self, result: Any) -> None:
        self._told.append(result)

    def results(self) -> Iterator[Any]:
        """What a task tells comes before what it returns."""
        while some := [one for one in (self._waiting, self._told, self._done) if one]:
            chosen = some[self._draw(len(some))]
            if chosen is self._told:
                yield self._told.popleft()
            elif chosen is self._done:
                yield self._done.pop(self._draw(len(self._done)))
            else:
                told = len(self._told)
                result = self._waiting.pop(self._draw(len(self._waiting)))()
                (self._told if len(self._told) > told else self._done).append(result)


@dataclass
class Pages(_Organization):
    """AWS's list of accounts in pages, as they are told before all of it says something else."""

    pages: Sequence[Sequence[Account]] = ()
    error: Exception | None = None

    def read(
        self,
        tell: Callable[[Organization], None] = no_telling,
        needs_every_unit: Callable[[str], bool] = always,
    ) -> Organization:
        del needs_every_unit
        for page in self.pages:
            tell(Organization("o-example", MANAGEMENT, tuple(self._listed(one) for one in page)))
        if self.error is not None:
            raise self.error
        return super().read()


@dataclass
class Case:
    fake: FakeWorld
    pages: list[list[Account]]
    choices: list[int]
    taken: int = field(default=0)

    def draw(self, count: int) -> int:
        self.taken += 1
        return self.choices[self.taken % len(self.choices)] % count

    def world(self, error: Exception | None = None) -> World:
        return replace(self.fake.world(), organization=Pages(self.fake, self.pages, error))

    def run(self, keep: Callable[[Listing, Reading], None] = lambda *_: None, **given: Any) -> tuple[Listing, Reading]:
        with pytest.MonkeyPatch.context() as patch:
            for module in (read_module, listing_module):
                patch.setattr(module, "Pool", _Pools(self.draw))
            return list_and_read(self.world(**given), POLICY, AT.date(), keep)


@dataclass
class _Pools:
    draw: Callable[[int], int]

    def __getitem__(self, _: Any) -> DrawnPool:
        return DrawnPool(self.draw)


def unit(unit_id: str, path: str, draw: st.DrawFn) -> OrganizationalUnit:
    tags: dict[str, str] = draw(st.sampled_from([{}, {}, OPTED_OUT]))
    error = draw(st.sampled_from([None] * 8 + [AwsError("AccessDenied", "tags of an OU")]))
    return OrganizationalUnit(unit_id, path, {} if error else tags, error)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """An organization of some accounts, anything of which may differ between a page and all of it."""
    dev, below, no, other = (
        unit(f"ou-{n}", path, draw) for n, path in enumerate(("/Dev", "/Dev/A", "/Dev/Not", "/Other"))
    )
    places = [(dev,), (dev, below), (dev, no), (other,), ()]
    fake = FakeWorld(workers=1)
    told: list[Account] = []
    bulk: dict[str, dict[str, str]] = {one.id: dict(one.tags) for one in (dev, below, no, other)}
    for number in range(draw(st.integers(0, 3))):
        account_id = str(number + 1) * 12
        account = an_account(
            account_id,
            organizational_units=draw(st.sampled_from(places)),
            state=draw(st.sampled_from(["ACTIVE"] * 5 + ["SUSPENDED"])),
            tags=draw(st.sampled_from([{}, {}, OPTED_OUT])),
            tags_error=draw(st.sampled_from([None] * 5 + [AwsError("AccessDenied", "tags")])),
        )
        account = replace(account, tags={} if account.tags_error else account.tags)
        fake.accounts += (account,)
        bulk[account_id] = dict(account.tags)
        if draw(st.integers(0, 9)):
            changed = draw(
                st.sampled_from([{}, {}, {"name": "renamed"}, {"organizational_units": draw(st.sampled_from(places))}])
            )
            told.append(replace(account, **changed))
        listed = tuple(RegionStatus(Region(one), enabled=draw(st.booleans())) for one in REGIONS)
        fake.regions[account_id] = draw(st.sampled_from([listed, listed, listed[:1], unreadable("AccessDenied")]))
        if not draw(st.integers(0, 5)):
            fake.binds[account_id] = unreadable("AccessDenied", operation="sts:AssumeRole")
        for region in REGIONS:
            resource = a_resource(f"i-{account_id}-{region}", account_id, region)
            fake.resources[resource.target] = draw(
                st.sampled_from([(resource,), (resource,), unreadable("AuthFailure")])
            )  # type: ignore[assignment]  # either is given
    told = draw(st.permutations(told))
    size = draw(st.integers(1, 3))
    pages = [told[start : start + size] for start in range(0, len(told), size)]
    has_errors = any(one.tags_error for account in fake.accounts for one in (account, *account.organizational_units))
    if not has_errors and draw(st.booleans()):
        fake.bulk_tags = BulkTags(bulk)
    return Case(fake, pages, draw(st.lists(st.integers(0, 50), min_size=1, max_size=12)))


def one_after_the_other(case: Case) -> tuple[Listing, Reading]:
    """As it was done before: everything is listed, then every tag is read, then every account."""
    world = case.world()
    organization = world.organization.read()
    found = scope.accounts_in_scope(POLICY.organization, organization)
    tagged = world.organization.read_tags(found.accounts)
    to_read = scope.accounts_not_opted_out(tagged, AT.date())
    ids = tuple(one.id for one in to_read.accounts)
    listing = Listing("o-example", tagged, ids, (*found.left_out, *to_read.left_out), AT)
    return listing, read_accounts(world, POLICY, to_read.accounts, Reading(), lambda _: None)


def sets_of(reading: Reading) -> tuple[Counter[Any], Counter[Any], list[Any]]:
    ids = sorted(one.resource_id for one in reading.resources)
    return Counter(reading.opened), Counter(map(repr, reading.coverage)), ids


@given(case=cases())
def test_whatever_comes_first_the_outcome_is_that_of_one_after_the_other(case: Case) -> None:
    kept: list[tuple[Listing, Reading]] = []
    listing, reading = case.run(lambda *known: kept.append(known))
    expected, expected_reading = one_after_the_other(case)
    assert replace(listing, names=expected.names) == expected
    assert sets_of(reading) == sets_of(expected_reading)
    assert kept == [(listing, reading)]
    inventory = complete_inventory(POLICY, listing, reading)
    assert_whole(inventory, {one.id for one in case.fake.accounts})


def assert_whole(inventory: Inventory, account_ids: set[Any]) -> None:
    """Every account is in the coverage, by one row or by its regions; nothing of one that is not read is there."""
    places = [(row.account_id, row.region, row.kind) for row in inventory.coverage]
    assert len(set(places)) == len(places)
    for account_id in account_ids:
        regions = {region for one, region, _ in places if one == account_id}
        assert regions
        assert regions == {"*"} or "*" not in regions
    read = {row.account_id for row in inventory.coverage if row.status is TargetStatus.SCANNED}
    assert {one.target.account_id for one in inventory.resources} <= read


@pytest.mark.full
@given(case=cases(), questions=st.integers(0, 30))
def test_whenever_it_is_halted_each_account_is_read_or_says_why_not(case: Case, questions: int) -> None:
    case.fake.halt = halted_after(questions, KILLED)
    listing, reading = case.run()
    inventory = complete_inventory(POLICY, listing, reading)
    assert_whole(inventory, {one.id for one in case.fake.accounts})
    expected, expected_reading = one_after_the_other(replace(case, fake=replace_halt(case.fake)))
    assert set(listing.to_read) <= set(expected.to_read)
    assert {one.resource_id for one in inventory.resources} <= {one.resource_id for one in expected_reading.resources}


def replace_halt(fake: FakeWorld) -> FakeWorld:
    fake.halt = lambda: None
    return fake


@pytest.mark.full
@given(case=cases())
def test_a_listing_that_breaks_off_leaves_what_was_read_of_accounts_whose_tags_are_known(case: Case) -> None:
    kept: list[tuple[Listing, Reading]] = []
    with pytest.raises(OrganizationError):
        case.run(lambda *known: kept.append(known), error=OrganizationError("no more"))
    [(listing, reading)] = kept
    inventory = inventory_so_far(POLICY, listing, reading)
    assert_whole(inventory, {one.id for one in listing.accounts})
    _, expected_reading = one_after_the_other(case)
    could_be_read = {one.resource_id for one in expected_reading.resources}
    told = {one.id: one for page in case.pages for one in page}
    same = {one.id for one in case.fake.accounts if told.get(one.id) == one}
    mine = {one.resource_id for one in inventory.resources if one.target.account_id in same}
    assert mine <= could_be_read


# --- whole sweeps, in threads


def sweep(fake: FakeWorld) -> dict[str, Any]:
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    return fake.written()


def test_nothing_is_begun_of_an_account_that_bulk_tags_opt_out_before_its_turn() -> None:
    fake = a_world(ONE, TWO, workers=1, bulk_tags=BulkTags({ONE: OPTED_OUT}))
    report = sweep(fake)
    assert coverage(report) == {(ONE, "*"): "opted_out", **{(TWO, region): "scanned" for region in REGIONS}}
    assert sorted(fake.stopped) == ["i-2", "i-3"]
    assert f"regions {ONE}" not in fake.asked


@pytest.mark.parametrize("workers", [1, 4])
def test_an_organization_of_which_listing_fails_half_way_is_in_the_report_as_far_as_it_is_known(workers: int) -> None:
    fake = a_world(ONE, TWO, THREE, workers=workers, organization_error=OrganizationError("no"), pages_before_error=2)
    with pytest.raises(OrganizationError):
        sweep(fake)
    rows = fake.written()["coverage"]
    assert {row["account_id"] for row in rows} == {ONE, TWO}
    assert {(row["status"], row["detail"]) for row in rows if row["region"] == "*"} <= {("not_attempted", ENDED_EARLY)}
    assert fake.stopped == []


def test_the_tags_of_few_accounts_are_read_at_once_however_many_threads_there_are() -> None:
    fake = FakeWorld(accounts=tuple(an_account(f"{number:012d}") for number in range(40)), workers=40)
    now, most = [0], [0]

    class Counting(_Organization):
        def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
            now[0] += 1
            most[0] = max(most[0], now[0])
            tagged = super().read_tags(accounts)
            now[0] -= 1
            return tagged

    world = replace(fake.world(), organization=Counting(fake))
    listing = list_accounts(world, a_policy(EVERYTHING), AT.date(), lambda _: None)
    assert len(listing.to_read) == 40
    assert most[0] <= listing_module._TAGS_AT_ONCE


@dataclass
class Asking(_Organization):
    """Notes whether the OUs without accounts are needed."""

    needs: list[bool] = field(default_factory=list)

    def read(
        self,
        tell: Callable[[Organization], None] = no_telling,
        needs_every_unit: Callable[[str], bool] = always,
    ) -> Organization:
        self.needs.append(needs_every_unit("o-example"))
        return super().read(tell)


def needs_every_unit(fake: FakeWorld, body: str) -> list[bool]:
    organization = Asking(fake)
    list_accounts(replace(fake.world(), organization=organization), a_policy(body), AT.date(), lambda _: None)
    return organization.needs


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        (EVERYTHING, False),
        ("rules: [{name: a, where: {organizational_unit: /Dev}}]", True),
        (f"{EVERYTHING}\norganization: {{exclude: [/Dev]}}", True),
        (f"{EVERYTHING}\norganization: {{include: [/Dev]}}", True),
    ],
)
def test_ous_without_accounts_are_asked_for_where_a_name_may_be_one_of_theirs(body: str, *, needs: bool) -> None:
    assert needs_every_unit(a_world(ONE), body) == [needs]


def test_ous_without_accounts_are_asked_for_where_another_policy_may_name_them() -> None:
    fake = a_world(ONE)
    fake.activate("team-b", EVERYTHING)
    assert needs_every_unit(fake, EVERYTHING) == [True]


def test_ous_without_accounts_are_asked_for_where_an_earlier_policy_named_them() -> None:
    fake = a_world(ONE, units=(OrganizationalUnit("ou-1", "/Empty"),))
    assert needs_every_unit(fake, f"{EVERYTHING}\norganization: {{exclude: [/Empty]}}") == [True]
    assert needs_every_unit(fake, EVERYTHING) == [True]


def test_tags_that_were_read_of_an_account_where_a_page_had_it_count_nowhere_else() -> None:
    fake = FakeWorld(accounts=(an_account(ONE, ou="/New"),))
    lister = listing_module.AccountLister(fake.world(), a_policy(EVERYTHING), AT.date())
    pool: Any = DrawnPool(lambda _: 0)
    old, new = an_account(ONE, ou="/Old"), an_account(ONE, ou="/New")

    def of(account: Account) -> Organization:
        return Organization("o-example", MANAGEMENT, (account,))

    assert lister.hear(pool, listing_module.Listed(of(old))) == [old]
    lister.hear(pool, listing_module.TagsInBulk(AwsError("NoBulkTags", "no")))
    assert lister.hear(pool, listing_module.Listed(of(new), is_whole=True)) == [new]
    lister.hear(pool, listing_module.TagsOfOne(new, new))
    lister.hear(pool, listing_module.TagsOfOne(old, replace(old, tags=OPTED_OUT)))
    assert (lister.is_complete, lister.listing().to_read) == (True, (ONE,))
