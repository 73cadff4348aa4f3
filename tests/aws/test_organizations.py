"""The organization as data, read from a made-up Organizations that pages and refuses as AWS does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.aws.organization_paths import unit_ids
from orchestrator.aws.organizations import OrganizationReader
from orchestrator.core.model import Account, AwsError, Organization
from orchestrator.errors import OrganizationError
from tests.support.builders import AT
from tests.support.local_aws import Answer, LocalAws, Request, in_threads, json_answer

MANAGEMENT = "999999999999"
ROOT = {"Id": "r-root", "Arn": f"arn:aws:organizations::{MANAGEMENT}:root/o-example00/r-root", "Name": "Root"}


class FakeOrganizations:
    """Accounts and units by parent, tags by carrier. `refusals` by operation, or by operation and what it asks for."""

    def __init__(self, *, paths: bool = False) -> None:
        self.roots: list[dict[str, str]] = [ROOT]
        self.accounts: dict[str, list[dict[str, str]]] = {}
        self.units: dict[str, list[dict[str, str]]] = {}
        self.above: dict[str, str] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.refusals: dict[str, Answer] = {}
        self.empty_first_pages = False
        self.paths = paths
        """Whether each account comes with its path, as AWS names it since 2026."""
        self.before: Callable[[Request], object] = lambda _: None

    def account(self, account_id: str, parent: str = "r-root", **fields: str) -> None:
        raw = {"Id": account_id, "Name": f"name-{account_id}", "State": "ACTIVE", **fields}
        self.accounts.setdefault(parent, []).append({key: value for key, value in raw.items() if value})

    def unit(self, unit_id: str, name: str, parent: str = "r-root", **tags: str) -> None:
        self.units.setdefault(parent, []).append({"Id": unit_id, "Name": name})
        self.tags[unit_id] = tags
        self.above[unit_id] = parent

    def __call__(self, request: Request) -> Answer:
        asked = request.json
        self.before(request)
        about = asked.get("ParentId") or asked.get("ResourceId") or ""
        for key in (f"{request.operation} {about}", request.operation):
            if key in self.refusals:
                return self.refusals[key]
        if request.operation == "ListTagsForResource":
            tags = [{"Key": key, "Value": value} for key, value in self.tags.get(about, {}).items()]
            return self._page("Tags", tags, asked, size=2)
        if request.operation == "DescribeOrganization":
            return json_answer({"Organization": {"Id": "o-described0", "MasterAccountId": MANAGEMENT}})
        items: dict[str, tuple[str, list[dict[str, str]]]] = {
            "ListRoots": ("Roots", self.roots),
            "ListAccountsForParent": ("Accounts", self.accounts.get(about, [])),
            "ListAccounts": ("Accounts", list(self._all_accounts())),
            "ListParents": ("Parents", [{"Id": one} for one in self._parents(asked.get("ChildId", ""))]),
            "ListOrganizationalUnitsForParent": ("OrganizationalUnits", self.units.get(about, [])),
        }
        return self._page(*items[request.operation], asked, size=asked["MaxResults"])

    def _all_accounts(self) -> Iterable[dict[str, Any]]:
        each = {one["Id"]: (parent, one) for parent, some in self.accounts.items() for one in some}
        for parent, one in each.values():
            yield {**one, "Paths": [self._path(parent, one["Id"])]} if self.paths else one

    def _path(self, parent: str, account_id: str) -> str:
        if parent == "r-root":
            return f"o-example00/r-root/{account_id}/"
        return self._path(self.above[parent], account_id).replace(account_id, f"{parent}/{account_id}")

    def _parents(self, account_id: str) -> list[str]:
        return [parent for parent, some in self.accounts.items() if account_id in {one["Id"] for one in some}]

    def move(self, account_id: str, to: str) -> None:
        for some in self.accounts.values():
            some[:] = [one for one in some if one["Id"] != account_id]
        self.account(account_id, to)

    def _page(self, key: str, items: list[dict[str, str]], asked: dict[str, Any], size: int) -> Answer:
        token = asked.get("NextToken")
        if token is None and self.empty_first_pages:
            return json_answer({key: [], "NextToken": "0"})
        start = int(token or 0)
        more = {"NextToken": str(start + size)} if start + size < len(items) else {}
        return json_answer({key: items[start : start + size], **more})


def refused(code: str, message: str = "no") -> Answer:
    return json_answer({"__type": code, "Message": message}, status=400)


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> FakeOrganizations:
    return FakeOrganizations(paths=getattr(request, "param", False))


either_way = pytest.mark.parametrize("fake", [False, True], ids=["walked", "by-paths"], indirect=True)
"""Whether AWS names the path of each account or not."""


@pytest.fixture
def answers(fake: FakeOrganizations) -> FakeOrganizations:
    return fake


@pytest.fixture
def reader(clients: Clients) -> OrganizationReader:
    return OrganizationReader(clients, lambda: AT)


def by_id(accounts: Organization | tuple[Account, ...]) -> dict[str, Account]:
    listed = accounts.accounts if isinstance(accounts, Organization) else accounts
    assert len({account.id for account in listed}) == len(listed)
    return {account.id: account for account in listed}


@either_way
def test_an_accounts_ou_path_is_made_of_all_the_ous_above_it(
    fake: FakeOrganizations, reader: OrganizationReader
) -> None:
    fake.unit("ou-1", "Workloads")
    fake.unit("ou-2", "Dev", parent="ou-1")
    fake.unit("ou-3", "Team A", parent="ou-2")
    for account_id, parent in (("1" * 12, "r-root"), ("2" * 12, "ou-1"), ("3" * 12, "ou-3")):
        fake.account(account_id, parent)
    found = by_id(reader.read())
    assert {one.id[0]: one.ou_path for one in found.values()} == {
        "1": "/",
        "2": "/Workloads",
        "3": "/Workloads/Dev/Team A",
    }
    assert [unit.id for unit in found["3" * 12].organizational_units] == ["ou-1", "ou-2", "ou-3"]


@either_way
def test_every_ou_is_listed_with_accounts_in_it_or_not(fake: FakeOrganizations, reader: OrganizationReader) -> None:
    fake.unit("ou-1", "Workloads")
    fake.unit("ou-2", "Dev/Team", parent="ou-1")
    fake.unit("ou-3", "Team", parent="ou-1")
    fake.account("1" * 12, "ou-3")
    assert {unit.id: unit.path for unit in reader.read().units} == {
        "ou-1": "/Workloads",
        "ou-2": r"/Workloads/Dev\/Team",
        "ou-3": "/Workloads/Team",
    }


@either_way
def test_accounts_come_in_the_order_of_their_ids_with_their_names(
    fake: FakeOrganizations, reader: OrganizationReader
) -> None:
    fake.unit("ou-1", "Dev")
    fake.account("222222222222", "r-root")
    fake.account("011111111111", "ou-1", Name="zero first")
    organization = reader.read()
    assert [account.id for account in organization.accounts] == ["011111111111", "222222222222"]
    assert organization.accounts[0].name == "zero first"


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [("SUSPENDED", "ACTIVE", "SUSPENDED"), ("", "SUSPENDED", "SUSPENDED"), ("", "", None), ("ACTIVE", "", "ACTIVE")],
)
def test_the_state_comes_before_the_older_status(
    fake: FakeOrganizations, reader: OrganizationReader, state: str, status: str, expected: str | None
) -> None:
    fake.account("1" * 12, State=state, Status=status)
    assert reader.read().accounts[0].state == expected


def test_every_list_is_asked_for_in_pages_of_twenty_and_read_to_the_end(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    for number in range(45):
        fake.account(f"{number:012d}")
        fake.unit(f"ou-{number}", f"Unit {number}")
    organization = reader.read()
    assert len(by_id(organization)) == 45
    listings = [request for request in aws.requests if request.operation.startswith("List")]
    assert {request.json["MaxResults"] for request in listings} == {20}
    assert len([one for one in aws.of("ListAccountsForParent") if one.json["ParentId"] == "r-root"]) == 3


@either_way
def test_an_empty_page_with_a_token_is_not_the_end(fake: FakeOrganizations, reader: OrganizationReader) -> None:
    fake.empty_first_pages = True
    fake.unit("ou-1", "Dev", Owner="team")
    fake.account("1" * 12, "ou-1")
    fake.tags["1" * 12] = {"a": "1", "b": "2", "c": "3"}
    (account,) = reader.read_tags(reader.read().accounts)
    assert account.ou_path == "/Dev"
    assert account.tags == {"a": "1", "b": "2", "c": "3"}
    assert account.organizational_units[0].tags == {"Owner": "team"}


@either_way
def test_a_delegated_administrator_learns_the_management_account_from_the_roots_arn(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    fake.account(MANAGEMENT)
    fake.account("1" * 12)
    organization = reader.read()
    assert (organization.id, organization.management_account_id) == ("o-example00", MANAGEMENT)
    assert {one.id: one.is_management for one in organization.accounts} == {MANAGEMENT: True, "1" * 12: False}
    assert "DescribeOrganization" not in aws.operations()


def test_a_root_arn_of_another_shape_costs_one_more_call(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    fake.roots = [{**ROOT, "Arn": "arn:aws:organizations::new-shape"}]
    organization = reader.read()
    assert (organization.id, organization.management_account_id) == ("o-described0", MANAGEMENT)
    assert aws.operations().count("DescribeOrganization") == 1


def test_an_account_that_is_seen_twice_was_moved_and_its_tags_are_unknown(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    fake.unit("ou-1", "Before")
    fake.unit("ou-2", "After")
    for parent in ("ou-1", "ou-2"):
        fake.account("1" * 12, parent)
    (account,) = reader.read_tags(reader.read().accounts)
    assert account.tags_error is not None
    assert account.tags_error.code == "AccountMoved"
    assert "1" * 12 not in [request.json["ResourceId"] for request in aws.of("ListTagsForResource")]


# --- moved while the units are walked through

LAST = "ListAccounts"
"""What is asked for once all units were walked through."""


def moved_once_its_new_unit_is_done(fake: FakeOrganizations, account_id: str, to: str) -> None:
    """Units are walked through last to first: by then no list of a unit will name the account."""

    def before(request: Request) -> None:
        if request.operation == "ListAccountsForParent" and request.json["ParentId"] == "ou-1":
            fake.before = lambda _: None
            fake.move(account_id, to)

    fake.before = before


@pytest.fixture
def two_units(fake: FakeOrganizations) -> FakeOrganizations:
    """An account in the unit that is listed first."""
    fake.unit("ou-1", "Late", Owner="late")
    fake.unit("ou-2", "Early", Owner="early")
    fake.account("1" * 12, "ou-1")
    return fake


def test_an_account_that_moves_to_where_the_walk_has_been_is_read_again(
    two_units: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    moved_once_its_new_unit_is_done(two_units, "1" * 12, "ou-2")
    (account,) = reader.read_tags(reader.read().accounts)
    assert (account.ou_path, account.units_error, account.tags_error) == ("/Early", None, None)
    assert account.organizational_units[0].tags == {"Owner": "early"}
    assert aws.operations().count("ListParents") == 1


def test_an_account_that_moves_to_a_unit_that_is_made_meanwhile_is_named_and_kept(
    two_units: FakeOrganizations, reader: OrganizationReader
) -> None:
    moved_once_its_new_unit_is_done(two_units, "1" * 12, "ou-new")
    (account,) = reader.read().accounts
    assert account.ou_path == "(unknown)"
    assert account.units_error is not None
    assert account.units_error.code == "AccountMoved"


def test_an_account_of_which_aws_does_not_say_where_it_is_is_named_and_kept(
    two_units: FakeOrganizations, reader: OrganizationReader
) -> None:
    moved_once_its_new_unit_is_done(two_units, "1" * 12, "ou-2")
    two_units.refusals["ListParents"] = refused("AccessDeniedException", "not allowed")
    (account,) = reader.read().accounts
    assert account.units_error == AwsError("AccessDeniedException", "not allowed")


def test_an_account_that_leaves_while_the_organization_is_listed_is_named_and_kept(
    two_units: FakeOrganizations, reader: OrganizationReader
) -> None:
    def before(request: Request) -> None:
        if request.operation == "ListAccountsForParent" and request.json["ParentId"] == "ou-1":
            two_units.before = lambda request: two_units.accounts.clear() if request.operation == LAST else None

    two_units.before = before
    (account,) = reader.read().accounts
    assert account.units_error is not None
    assert account.units_error.code == "AccountLeft"


def test_an_organization_without_paths_costs_a_page_of_accounts_and_one_list_of_all_of_them_more(
    two_units: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    (account,) = reader.read().accounts
    assert account.listed_at == AT
    assert aws.operations().count(LAST) == 2
    assert "ListParents" not in aws.operations()


# --- where AWS names the path of each account


@pytest.fixture
def by_paths(fake: FakeOrganizations) -> FakeOrganizations:
    """`/Dev` with `/Dev/A` and `/Dev/B` below it, beside `/Empty` with `/Empty/Below`."""
    fake.paths = True
    fake.unit("ou-1", "Dev")
    fake.unit("ou-2", "A", parent="ou-1")
    fake.unit("ou-3", "B", parent="ou-1")
    fake.unit("ou-4", "Empty")
    fake.unit("ou-5", "Below", parent="ou-4")
    for number, parent in enumerate(("r-root", "ou-1", "ou-2", "ou-2", "ou-3"), 1):
        fake.account(str(number) * 12, parent)
    return fake


def test_one_list_of_all_accounts_and_those_of_ous_above_some_are_all_that_is_asked_for(
    by_paths: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    found = reader.read(needs_every_unit=lambda _: False)
    assert [one.ou_path for one in found.accounts] == ["/", "/Dev", "/Dev/A", "/Dev/A", "/Dev/B"]
    assert {unit.path for unit in found.units} == {"/Dev", "/Dev/A", "/Dev/B", "/Empty"}
    assert [(one.operation, one.json.get("ParentId")) for one in aws.requests] == [
        ("ListRoots", None),
        ("ListAccounts", None),
        ("ListOrganizationalUnitsForParent", "r-root"),
        ("ListOrganizationalUnitsForParent", "ou-1"),
    ]


def test_the_whole_is_the_same_by_paths_and_by_walking(by_paths: FakeOrganizations, reader: OrganizationReader) -> None:
    found = reader.read()
    by_paths.paths = False
    walked = reader.read()
    assert (found.accounts, found.units_by_id) == (walked.accounts, walked.units_by_id)
    assert [one.listed_at for one in found.accounts] == [AT] * 5


def test_whether_every_ou_is_needed_is_asked_by_the_id_of_the_organization(
    by_paths: FakeOrganizations, reader: OrganizationReader
) -> None:
    asked: list[str] = []
    reader.read(needs_every_unit=lambda one: bool(asked.append(one)))
    assert asked == ["o-example00"]


def test_accounts_are_told_page_by_page_each_once_and_the_organizations_id_before_any(
    by_paths: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    for number in range(45):
        by_paths.account(f"{number:012d}", "ou-2")
    told: list[tuple[int, int]] = []
    pages: list[Organization] = []

    def tell(page: Organization) -> None:
        pages.append(page)
        told.append((len(page.accounts), aws.operations().count("ListAccounts")))

    whole = reader.read(tell)
    assert told == [(0, 0), (20, 1), (20, 2), (10, 3)]
    assert {(one.id, one.management_account_id) for one in pages} == {("o-example00", MANAGEMENT)}
    assert sorted((one for page in pages for one in page.accounts), key=lambda one: one.id) == list(whole.accounts)


def test_whatever_listener_raises_ends_the_listing(
    by_paths: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    def tell(page: Organization) -> None:
        if page.accounts:
            raise ZeroDivisionError

    for number in range(45):
        by_paths.account(f"{number:012d}", "ou-2")
    with pytest.raises(ZeroDivisionError):
        reader.read(tell)
    assert aws.operations().count("ListAccounts") == 1


UNREADABLE_PATHS = [
    None,
    [],
    [""],
    ["o-example00"],
    ["o-another000/r-root/"],
    ["o-example00/r-another/"],
    ["o-example00/r-root/999999999999/"],
    ["o-example00/r-root/ou-1/x/"],
    ["o-example00/r-root/ou-1/", "o-example00/r-root/"],
]


@pytest.mark.parametrize("paths", UNREADABLE_PATHS)
def test_an_account_without_one_readable_path_makes_the_whole_organization_be_walked_through(
    by_paths: FakeOrganizations, reader: OrganizationReader, aws: LocalAws, paths: list[str] | None
) -> None:
    by_paths.account("6" * 12, "ou-5")
    real = by_paths._all_accounts

    def some_unreadable() -> Iterable[dict[str, Any]]:
        for one in real():
            yield {**one, "Paths": paths} if one["Id"] == "6" * 12 else one

    by_paths._all_accounts = some_unreadable  # type: ignore[method-assign]  # a fake
    found = by_id(reader.read())
    assert (found["6" * 12].ou_path, found["3" * 12].ou_path) == ("/Empty/Below", "/Dev/A")
    assert "ListAccountsForParent" in aws.operations()


@pytest.mark.parametrize("ending", ["", "/", "/111111111111", "/111111111111/"])
def test_a_path_may_end_in_the_account_and_in_a_slash(ending: str) -> None:
    account = {"Id": "111111111111", "Paths": [f"o-example00/r-root/ou-1/ou-2{ending}"]}
    assert unit_ids(account, "o-example00", "r-root") == ("ou-1", "ou-2")


def test_an_account_in_an_ou_that_is_deleted_while_the_organization_is_listed_is_named_and_kept(
    by_paths: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    def before(request: Request) -> None:
        if request.operation == "ListOrganizationalUnitsForParent":
            by_paths.units["ou-1"] = []

    by_paths.before = before
    found = by_id(reader.read())
    assert found["3" * 12].units_error is not None
    assert found["3" * 12].units_error.code == "AccountMoved"
    assert {one.ou_path for one in found.values()} == {"/", "/Dev", "(unknown)"}
    assert [one.json["ParentId"] for one in aws.of("ListOrganizationalUnitsForParent")].count("ou-1") == 2


def test_an_ou_that_is_made_while_the_organization_is_listed_is_found(
    by_paths: FakeOrganizations, reader: OrganizationReader
) -> None:
    for number in range(20):
        by_paths.account(f"{number:012d}", "ou-2")
    pages: list[Organization] = []

    def tell(page: Organization) -> None:
        if page.accounts and not pages:
            pages.append(page)
            by_paths.unit("ou-9", "New", parent="ou-1")
            by_paths.move("000000000019", "ou-9")

    found = by_id(reader.read(tell))
    assert found["000000000019"].ou_path == "/Dev/New"


def test_an_account_that_comes_twice_from_two_places_was_moved_and_its_tags_are_unknown(
    by_paths: FakeOrganizations, reader: OrganizationReader
) -> None:
    real = by_paths._all_accounts

    def twice() -> Iterable[dict[str, Any]]:
        yield from real()
        yield {"Id": "3" * 12, "Name": "x", "State": "ACTIVE", "Paths": ["o-example00/r-root/"]}

    by_paths._all_accounts = twice  # type: ignore[method-assign]  # a fake
    told: list[Account] = []
    found = by_id(reader.read(lambda page: told.extend(page.accounts)))
    assert found["3" * 12].tags_error is not None
    assert found["3" * 12].tags_error.code == "AccountMoved"
    assert [one.id for one in told].count("3" * 12) == 1  # type: ignore[comparison-overlap]  # an id is a text


def test_tags_that_threads_ask_for_at_once_are_read_once_for_each_ou(
    by_paths: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    accounts = reader.read().accounts
    in_threads(len(accounts), lambda number: reader.read_tags(accounts[number : number + 1]))
    asked = sorted(request.json["ResourceId"] for request in aws.of("ListTagsForResource"))
    assert asked == [*(str(number) * 12 for number in range(1, 6)), "ou-1", "ou-2", "ou-3"]


# --- tags


@either_way
def test_tags_are_read_once_for_each_ou_however_many_accounts_are_below_it(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    fake.unit("ou-1", "Workloads", Owner="platform")
    fake.unit("ou-2", "Dev", parent="ou-1", Stage="dev")
    for number in range(5):
        fake.account(f"{number:012d}", "ou-2")
    fake.tags["000000000003"] = {"stop-orchestrator:opt-out": "true"}
    tagged = reader.read_tags(reader.read().accounts)
    asked = [request.json["ResourceId"] for request in aws.of("ListTagsForResource")]
    assert sorted(asked) == ["000000000000", *(f"{n:012d}" for n in range(1, 5)), "ou-1", "ou-2"]
    assert [account.id for account in tagged] == [f"{number:012d}" for number in range(5)]
    assert [account.tags for account in tagged] == [{}, {}, {}, {"stop-orchestrator:opt-out": "true"}, {}]
    assert all(
        [unit.tags for unit in one.organizational_units] == [{"Owner": "platform"}, {"Stage": "dev"}] for one in tagged
    )


def test_own_tags_are_those_of_now_whatever_was_read_before(
    fake: FakeOrganizations, reader: OrganizationReader
) -> None:
    fake.unit("ou-1", "Dev", Stage="dev")
    fake.account("1" * 12, "ou-1")
    (account,) = reader.read_tags(reader.read().accounts)
    fake.tags = {"ou-1": {"Stage": "prod"}, "1" * 12: {"stop-orchestrator:opt-out": "true"}}
    (unit,) = account.organizational_units
    assert (unit.tags_read_at, account.tags_read_at) == (AT, AT)
    assert reader.read_own_tags(unit).tags == {"Stage": "prod"}
    assert reader.read_own_tags(account).tags == {"stop-orchestrator:opt-out": "true"}
    fake.refusals["ListTagsForResource"] = refused("AccessDeniedException", "not allowed")
    assert reader.read_own_tags(unit).tags_error == AwsError("AccessDeniedException", "not allowed")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused("AccessDeniedException", "not allowed"), "AccessDeniedException"),
        (json_answer({}), "ResponseParserError"),
    ],
)
def test_tags_that_cannot_be_read_are_an_error_of_that_account_alone(
    fake: FakeOrganizations, reader: OrganizationReader, answer: Answer, code: str
) -> None:
    fake.account("1" * 12)
    fake.account("2" * 12)
    fake.refusals[f"ListTagsForResource {'1' * 12}"] = answer
    tagged = by_id(reader.read_tags(reader.read().accounts))
    error = tagged["1" * 12].tags_error
    assert error is not None
    assert error.code == code
    assert tagged["2" * 12].tags_error is None


@either_way
def test_an_ous_unreadable_tags_are_an_error_of_every_account_below_it(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws
) -> None:
    fake.unit("ou-1", "Closed")
    fake.unit("ou-2", "Below", parent="ou-1")
    fake.account("1" * 12, "ou-2")
    fake.account("2" * 12)
    fake.refusals["ListTagsForResource ou-1"] = refused("AccessDeniedException", "not for you")
    tagged = by_id(reader.read_tags(reader.read().accounts))
    assert tagged["1" * 12].tags_error == AwsError("AccessDeniedException", "not for you")
    assert tagged["2" * 12].tags_error is None
    assert "1" * 12 not in [request.json["ResourceId"] for request in aws.of("ListTagsForResource")]


@pytest.mark.parametrize(
    "operation", ["ListRoots", "ListAccountsForParent", "ListOrganizationalUnitsForParent", "ListAccounts"]
)
def test_an_organization_that_cannot_be_listed_ends_the_sweep_and_says_what_to_do(
    fake: FakeOrganizations, reader: OrganizationReader, operation: str
) -> None:
    fake.refusals[operation] = refused("AccessDeniedException", "You don't have permissions")
    with pytest.raises(OrganizationError) as refusal:
        reader.read()
    text = str(refusal.value)
    assert "AccessDeniedException: You don't have permissions" in text
    assert "management account or a delegated administrator" in text


def test_an_answer_without_the_list_is_not_taken_for_an_empty_organization(
    fake: FakeOrganizations, reader: OrganizationReader
) -> None:
    fake.refusals["ListAccountsForParent"] = json_answer({})
    with pytest.raises(OrganizationError, match="without Accounts"):
        reader.read()


def test_no_root_at_all_ends_the_sweep(fake: FakeOrganizations, reader: OrganizationReader) -> None:
    fake.roots = []
    with pytest.raises(OrganizationError, match="named no root"):
        reader.read()


# --- what no text may hold --------------------------------------------------------------------------------------------

ODD = "a\ud800b"
"""As JSON has it: `"a\\ud800b"`."""


@either_way
def test_a_name_that_no_text_may_hold_is_marked_and_the_organization_is_read(
    reader: OrganizationReader, fake: FakeOrganizations
) -> None:
    fake.unit("ou-1", ODD)
    fake.account("111111111111", "ou-1", Name=ODD)
    fake.account("222222222222")
    odd, plain = reader.read().accounts
    assert (odd.name, odd.organizational_units[0].path, plain.name) == ("a\ufffdb", "/a\ufffdb", "name-222222222222")


@pytest.mark.parametrize("tags", [{ODD: "true"}, {"Note": ODD}])
@pytest.mark.parametrize("carrier", ["111111111111", "ou-1"])
def test_a_tag_that_no_text_may_hold_may_be_an_opt_out_so_its_carrier_is_kept_and_says_where(
    reader: OrganizationReader, fake: FakeOrganizations, tags: dict[str, str], carrier: str
) -> None:
    fake.unit("ou-1", "Dev")
    fake.account("111111111111", "ou-1")
    fake.account("222222222222")
    fake.tags[carrier] = tags
    odd, plain = reader.read_tags(reader.read().accounts)
    assert odd.tags_error is not None
    assert odd.tags_error.code == "UnreadableCharacter"
    assert f"in its tag {next(iter(tags)).replace(chr(0xD800), chr(0xFFFD))}" in odd.tags_error.message
    assert plain.tags_error is None


def test_a_control_character_in_a_name_or_tag_is_what_json_says_it_is(
    reader: OrganizationReader, fake: FakeOrganizations
) -> None:
    fake.account("111111111111", Name="a\x00\x1bb")
    fake.tags["111111111111"] = {"stop-orchestrator:opt\x00-out": "tr\x01ue"}
    [account] = reader.read_tags(reader.read().accounts)
    assert (account.name, account.tags) == ("a\x00\x1bb", {"stop-orchestrator:opt\x00-out": "tr\x01ue"})


# --- tokens that come again -------------------------------------------------------------------------------------------


class Circling:
    """One operation whose answers name pages in a circle of so many."""

    def __init__(self, fake: FakeOrganizations, operation: str, pages: int) -> None:
        self._fake = fake
        self._operation = operation
        self._pages = pages
        self._asked = 0

    def __call__(self, request: Request) -> Answer:
        if request.operation != self._operation:
            return self._fake(request)
        if self._asked > self._pages:
            return refused("StillAsking")
        self._asked += 1
        first = replace(request, json={**request.json, "NextToken": None})
        answer = json.loads(self._fake(first).body)
        return json_answer({**answer, "NextToken": f"token-{self._asked % self._pages}"})


AGAIN = "names a next page that was read already"


@pytest.mark.parametrize("pages", [1, 2, 3])
@pytest.mark.parametrize(
    "operation", ["ListRoots", "ListAccounts", "ListAccountsForParent", "ListOrganizationalUnitsForParent"]
)
def test_a_list_whose_pages_go_in_a_circle_is_an_error_with_its_name(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws, operation: str, pages: int
) -> None:
    aws.answering = Circling(fake, operation, pages)
    with pytest.raises(OrganizationError, match=f"organizations:{operation} {AGAIN}"):
        reader.read()


@pytest.mark.parametrize("pages", [1, 2])
def test_an_account_whose_parents_or_tags_go_in_a_circle_is_kept_with_the_reason(
    fake: FakeOrganizations, reader: OrganizationReader, aws: LocalAws, pages: int
) -> None:
    fake.account("111111111111")
    aws.answering = Circling(fake, "ListTagsForResource", pages)
    [account] = reader.read_tags(reader.read().accounts)
    assert account.tags_error == AwsError("ResponseParserError", f"organizations:ListTagsForResource {AGAIN}")
    aws.answering = Circling(fake, "ListParents", pages)
    fake.refusals["ListAccountsForParent r-root"] = json_answer({"Accounts": []})
    [account] = reader.read().accounts
    assert account.units_error == AwsError("ResponseParserError", f"organizations:ListParents {AGAIN}")
