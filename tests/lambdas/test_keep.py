"""Opt-outs by link, from plan to plan: a GET changes nothing, one POST opts out, a second changes nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from orchestrator import app
from orchestrator.aws.clients import Clients
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.aws.link_keys import derive_link_key
from orchestrator.core.model import ApprovedPlan, ConsentHow, Mode
from orchestrator.core.report.document import Row
from orchestrator.demo.lambda_process import Context
from orchestrator.demo.organization import create_table
from orchestrator.errors import LedgerError
from orchestrator.lambdas import keep
from orchestrator.lambdas.keep import Request, Service
from orchestrator.ledger.ledger import Ledger
from orchestrator.sweep.opt_out_links import link_maker
from orchestrator.sweep.run import run_sweep
from tests.support.builders import AT, a_policy
from tests.support.fake_world import EVERYTHING, ONE, FakeWorld, a_world, outcomes, reasons
from tests.support.item_tables import MemoryItems
from tests.support.lambdas import Lines
from tests.support.moto_server import hub, moto_url  # noqa: F401 - pytest finds fixtures by their names here

POLICY = EVERYTHING + '\nopt_out: {max_days: 14, links: {url: "https://keep.example/keep", key: alias/links}}'
EVENING, NIGHT = "20261123T180000Z-000001", "20261123T190000Z-000002"
FORM = "application/x-www-form-urlencoded"
CHOSEN = {"until": "2026-11-24", "reason": "release night"}


def the_key(_: str) -> bytes:
    return b"of every sweep"


def the_sweeps_key(_kms_key: str, _sweep_id: str) -> bytes:
    return b"of every sweep"


def request(url: str, method: str = "GET", form: dict[str, str] | str | None = None, **fields: Any) -> Request:
    body = (urlencode(form) if isinstance(form, dict) else form or "").encode()
    values: dict[str, Any] = {
        "method": method,
        "query": urlsplit(url).query,
        "content_type": FORM if method == "POST" else "",
        "body": body,
        "source_ip": "192.0.2.7",
        "user_agent": "a browser",
    }
    return Request(**{**values, **fields})


class Scene:
    """A world whose sweeps and whose opt-out page share a table."""

    def __init__(self) -> None:
        self.items = MemoryItems()
        self.fake: FakeWorld = a_world(ONE)
        self.fake.ledger = Ledger(self.items, lambda: AT)
        self.at = AT
        self.service = Service(self.items, the_key, lambda: self.at)

    def swept(self, sweep_id: str, mode: Mode, policy: str = POLICY) -> Row:
        run_sweep(self.fake.world(), a_policy(policy), sweep_id, mode)
        return self.fake.written(sweep_id)

    def links(self, report: Row, policy: str = POLICY) -> dict[str, str]:
        link_for = link_maker(a_policy(policy), report["sweep_id"], AT, the_sweeps_key, print)
        assert link_for is not None
        return {row["resource_id"]: link_for(row) or "" for row in report["decisions"]}

    def answer(self, *args: Any, **fields: Any) -> tuple[int, str]:
        found = self.service.answer(request(*args, **fields))
        return found["statusCode"], unescape(found["body"])

    def stored(self) -> str:
        """All of the table."""
        return json.dumps(sorted(self.items.items.items()), default=str)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def url(scene: Scene) -> str:
    """Of i-0, from a preview in the evening."""
    return scene.links(scene.swept(EVENING, Mode.PLAN))["i-0"]


# --- the whole path


def test_from_a_plan_over_ten_looks_and_two_presses_to_the_sweep_that_keeps_it(scene: Scene, url: str) -> None:
    before = scene.stored()
    for _ in range(10):
        status, page = scene.answer(url)
        assert (status, "Leave i-0 alone?" in page) == (200, True)
    assert scene.stored() == before, "ten looks change nothing, byte for byte"

    status, page = scene.answer(url, "POST", CHOSEN)
    assert (status, "Recorded: it is left alone until the end of Tue 2026-11-24 (UTC)." in page) == (200, True)
    after = scene.stored()
    assert after != before
    status, page = scene.answer(url, "POST", {"until": "2026-12-05", "reason": "no, longer"})
    assert status == 200
    assert "It is opted out already, until the end of Tue 2026-11-24 (UTC); nothing was changed." in page
    assert "release night" in page
    assert scene.stored() == after, "a second press changes nothing, byte for byte"

    report = scene.swept(NIGHT, Mode.ENFORCE)
    assert outcomes(report) == {"i-1": "stopped"}
    assert (
        "A link in a message opted i-0 out until the end of 2026-11-24 (reason: release night)."
        in reasons(report)["i-0"]
    )


def test_a_press_between_plan_and_apply_is_kept_by_the_fresh_look(scene: Scene, url: str) -> None:
    def confirm(_: ApprovedPlan) -> ConsentHow | None:
        assert scene.answer(url, "POST", CHOSEN)[0] == 200
        return ConsentHow.YES

    scene.fake.confirm = confirm
    report = scene.swept(NIGHT, Mode.ENFORCE)
    assert outcomes(report) == {"i-1": "stopped"}
    assert reasons(report)["i-0"].startswith("Changed since the plan: a link in a message opted i-0 out")


# --- what a person sees


def test_the_page_says_what_it_is_about_and_offers_days_up_to_the_policys(scene: Scene, url: str) -> None:
    _, page = scene.answer(url)
    for text in ("ec2 instance/i-0", ONE, "eu-central-1", EVENING):
        assert f"<dd>{text}</dd>" in page
    days = re.findall(r'<option value="([^"]+)"', page)
    assert (days[0], days[-1], len(days)) == ("2026-11-24", "2026-12-07", 9)
    assert "tonight (Tue 2026-11-24)" in page
    assert "Whoever has this link can use it, once, until 2026-11-25 07:00 UTC" in page


def test_the_page_asks_nobody_for_anything_and_runs_nothing(scene: Scene, url: str) -> None:
    answer = scene.service.answer(request(url))
    policy = answer["headers"]["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert not re.search(r"<script|<img|<link|src=|https?:|javascript:|\bon[a-z]+=", answer["body"])
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
    assert headers.items() <= answer["headers"].items()


def test_a_used_link_has_no_form_any_more_and_says_what_is_recorded(scene: Scene, url: str) -> None:
    scene.answer(url, "POST", CHOSEN)
    status, page = scene.answer(url)
    assert (status, "<form" in page, "It is opted out already" in page) == (200, False, True)


def test_once_its_days_are_over_a_used_link_says_so_and_gives_no_other(scene: Scene, url: str) -> None:
    scene.answer(url, "POST", CHOSEN)
    scene.at = AT + timedelta(hours=30)
    for method in ("GET", "POST"):
        status, page = scene.answer(url, method, CHOSEN | {"until": "2026-11-28"})
        assert (status, "This link was used before: it was left alone until the end of Tue 2026-11-24" in page) == (
            200,
            True,
        )


def test_another_sweeps_link_tells_of_the_opt_out_and_may_make_it_longer(scene: Scene, url: str) -> None:
    scene.answer(url, "POST", CHOSEN)
    other = scene.links({**scene.swept(NIGHT, Mode.PLAN)})["i-0"]
    assert "It is opted out already, until the end of Tue 2026-11-24." in scene.answer(other)[1]
    assert (
        "Recorded: it is left alone until the end of Sat 2026-12-05"
        in scene.answer(other, "POST", {"until": "2026-12-05", "reason": "longer"})[1]
    )


def test_no_link_opts_out_for_longer_than_max_days(scene: Scene, url: str) -> None:
    scene.answer(url, "POST", {"until": "2036-01-01", "reason": "for ever"})
    assert [sk for pk, sk in scene.items.items if pk.startswith("OPTOUT#arn:")] == ["2026-12-07"]


def test_whoever_pressed_is_noted_as_far_as_it_is_known(scene: Scene, url: str) -> None:
    scene.answer(url, "POST", CHOSEN, user_agent="b" * 200)
    [item] = [item for (pk, _), item in scene.items.items.items() if pk.startswith("OPTOUT#arn:")]
    noted = {"source_ip": "192.0.2.7", "user_agent": "b" * 200, "given_at": "2026-11-23T19:00:00Z", "sweep_id": EVENING}
    assert noted.items() <= item.items()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"until": "2026-11-24", "reason": ""}, "Say why, in a few words."),
        ({"until": "2026-11-24", "reason": " \n "}, "Say why, in a few words."),
        ({"until": "2026-11-24", "reason": "x" * 201}, "Say why in at most 200 characters."),
        ({"until": "", "reason": "a"}, "Choose until when."),
        ({"until": "soon", "reason": "a"}, "Choose until when."),
        ({"until": "2026-11-22", "reason": "a"}, "That day is over: choose a later one."),
        ({"reason": "a"}, "Choose until when."),
        ({}, "This is no answer of the page's form."),
    ],
)
def test_an_answer_that_is_not_right_says_what_would_be_and_records_nothing(
    scene: Scene, url: str, form: dict[str, str], said: str
) -> None:
    before = scene.stored()
    status, page = scene.answer(url, "POST", form)
    assert (status, said in page) == (400, True)
    assert scene.stored() == before


def test_what_was_written_is_still_there_when_something_else_was_wrong(scene: Scene, url: str) -> None:
    _, page = scene.answer(url, "POST", {"until": "2026-11-26", "reason": "x" * 201})
    assert '<option value="2026-11-26" selected>' in page
    assert f'value="{"x" * 201}"' in page


def test_a_policy_that_asks_for_no_reason_needs_none(scene: Scene) -> None:
    policy = POLICY.replace("max_days: 14", "max_days: 14, require_reason: false")
    url = scene.links(scene.swept(EVENING, Mode.PLAN, policy), policy)["i-0"]
    assert "Why (optional)" in scene.answer(url)[1]
    assert scene.answer(url, "POST", {"until": "2026-11-24", "reason": ""})[0] == 200


@pytest.mark.parametrize(
    "text",
    ["<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "\u202eevil", "\x1b[31mred", "=HYPERLINK(1)"],
)
def test_hostile_words_are_inert(scene: Scene, text: str) -> None:
    report = scene.swept(EVENING, Mode.PLAN)
    rows = [{**row, "arn": f"{row['arn']}{text}", "owner": text} for row in report["decisions"]]
    url = scene.links({**report, "decisions": rows})["i-0"]
    pages = [scene.service.answer(request(url))["body"]]
    form = {"until": "2026-11-24", "reason": text}
    pages.append(scene.service.answer(request(url, "POST", {**form, "until": "x"}))["body"])
    pages.append(scene.service.answer(request(url, "POST", form))["body"])
    for page in pages:
        assert not re.search(r"<img|<script|\u202e|\x1b", page)
        assert "Stop Orchestrator" in page


# --- what is refused


def altered(url: str) -> str:
    return url.replace("i-0", "i-1")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("change", "status"),
    [
        (altered, 403),
        (lambda url: url[:-1], 403),
        (lambda url: f"{url}&utm_source=mail", 403),
        (lambda url: url.partition("?")[0], 403),
        (lambda url: f"{url}{'x' * 5000}", 403),
    ],
)
def test_a_link_that_is_not_as_it_was_sent_is_refused_and_nothing_is_recorded(
    scene: Scene, url: str, method: str, change: Any, status: int
) -> None:
    before = scene.stored()
    found = scene.answer(change(url), method, CHOSEN)
    assert (found[0], "This link is not valid" in found[1], "Nothing was recorded." in found[1]) == (status, True, True)
    assert scene.stored() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_expired_link_is_refused_and_nothing_is_recorded(scene: Scene, url: str, method: str) -> None:
    before, scene.at = scene.stored(), AT + timedelta(hours=36)
    found = scene.answer(url, method, CHOSEN)
    assert (found[0], "This link has expired" in found[1]) == (410, True)
    assert scene.stored() == before


def test_a_foreign_link_is_refused(scene: Scene, url: str) -> None:
    scene.service = Service(scene.items, lambda _: b"another key's", lambda: AT)
    assert scene.answer(url, "POST", CHOSEN)[0] == 403


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""])
def test_other_methods_are_refused(scene: Scene, url: str, method: str) -> None:
    before = scene.stored()
    answer = scene.service.answer(request(url, method, content_type=FORM, body=urlencode(CHOSEN).encode()))
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "GET, POST")
    assert scene.stored() == before


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"content_type": "application/json"}, 415),
        ({"content_type": ""}, 415),
        ({"body": b"until=2026-11-24&reason=" + b"x" * 4096}, 413),
        ({"body": None}, 400),
        ({"body": b"until=2026-11-24&until=2026-12-05&reason=a"}, 400),
        ({"body": b"until=2026-11-24&reason=a&arn=b"}, 400),
        ({"body": b"until=2026-11-24&reason=%ff"}, 400),
        ({"body": "until=2026-11-24&reason=ü".encode()}, 400),
        ({"body": b"&&&&"}, 400),
        ({"body": b""}, 400),
    ],
)
def test_what_no_browser_sends_is_refused_and_nothing_is_recorded(
    scene: Scene, url: str, fields: dict[str, Any], status: int
) -> None:
    before = scene.stored()
    assert scene.answer(url, "POST", CHOSEN, **fields)[0] == status
    assert scene.stored() == before


# --- as Lambda invokes it, with DynamoDB and KMS


@pytest.fixture
def deployed(hub: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoItems]:  # noqa: F811 - the fixture
    """The function's environment; its table."""
    create_table(hub.dynamodb(), "ledger")
    key = hub.kms().create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    hub.kms().create_alias(AliasName="alias/links", TargetKeyId=key)
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "ledger")
    monkeypatch.setenv("STOP_ORCHESTRATOR_LINK_KEY", "alias/links")
    monkeypatch.setattr(app, "now", lambda: AT)
    keep._service.cache_clear()
    yield DynamoItems(hub.dynamodb(), "ledger")
    keep._service.cache_clear()


def event(url: str, method: str = "GET", body: str | None = None, *, encoded: bool = False) -> dict[str, Any]:
    """As an HTTP API sends it."""
    if encoded and body is not None:
        body = base64.b64encode(body.encode()).decode()
    return {
        "version": "2.0",
        "rawPath": "/keep",
        "rawQueryString": urlsplit(url).query,
        "headers": {"Content-Type": f"{FORM}; charset=UTF-8", "host": "keep.example"},
        "requestContext": {
            "http": {"method": method, "path": "/keep", "sourceIp": "192.0.2.7", "userAgent": "a browser"}
        },
        **({"body": body} if body is not None else {}),
        "isBase64Encoded": encoded,
    }


def invoke(event: Any) -> tuple[int, str]:
    answer = keep.lambda_handler(event, Context())
    json.dumps(answer)
    return answer["statusCode"], unescape(answer["body"])


@pytest.fixture
def signed(hub: Clients, deployed: DynamoItems) -> str:  # noqa: F811 - the fixture
    """A link that a sweep made with the KMS key."""
    fake = a_world(ONE)
    run_sweep(fake.world(), a_policy(POLICY), EVENING, Mode.PLAN)
    link_for = app.make_link_maker(hub, a_policy(POLICY), EVENING, AT, print)
    assert link_for is not None
    url = link_for(fake.written(EVENING)["decisions"][0])
    assert url is not None
    return url


@pytest.mark.parametrize("encoded", [True, False])
def test_the_function_records_one_press_with_what_only_its_role_may_use(
    hub: Clients,  # noqa: F811 - the fixture
    deployed: DynamoItems,
    signed: str,
    encoded: bool,
) -> None:
    for _ in range(10):
        assert invoke(event(signed))[0] == 200
    assert deployed.query_index("OPTOUTS") == []
    for _ in range(2):
        status, page = invoke(event(signed, "POST", urlencode(CHOSEN), encoded=encoded))
        assert (status, "2026-11-24" in page) == (200, True)
    [item] = deployed.query_index("OPTOUTS")
    assert (item["SK"], item["reason"]) == ("2026-11-24", "release night")


def test_the_key_of_a_sweep_is_the_same_each_time_and_no_other_sweeps(hub: Clients, deployed: DynamoItems) -> None:  # noqa: F811 - the fixture
    one = derive_link_key(hub, "alias/links", EVENING)
    assert (len(one), derive_link_key(hub, "alias/links", EVENING) == one) == (32, True)
    assert derive_link_key(hub, "alias/links", NIGHT) != one


@pytest.mark.parametrize("broken", [{}, {"requestContext": None}, [], None, {"Records": []}])
def test_an_event_that_is_no_request_is_refused(deployed: DynamoItems, broken: Any) -> None:
    assert invoke(broken)[0] == 400


def test_a_body_that_is_not_what_its_encoding_says_is_refused(deployed: DynamoItems, signed: str) -> None:
    assert invoke({**event(signed, "POST", "until=x"), "isBase64Encoded": True})[0] == 400
    assert deployed.query_index("OPTOUTS") == []


@pytest.mark.parametrize("lost", ["table", "key"])
def test_where_the_table_or_the_key_cannot_be_asked_it_says_so_and_logs_why(
    hub: Clients,  # noqa: F811 - the fixture
    deployed: DynamoItems,
    signed: str,
    lost: str,
    lines: Lines,
) -> None:
    if lost == "table":
        hub.dynamodb().delete_table(TableName="ledger")
    else:
        hub.kms().delete_alias(AliasName="alias/links")
    status, page = invoke(event(signed, "POST", urlencode(CHOSEN)))
    assert (status, "Try again in some minutes" in page) == (503, True)
    [line] = lines()
    assert line["message"] == "A link could not be answered"
    assert {"table": "ledger", "key": "alias/links"}[lost] in line["reason"]


def test_a_press_is_logged_without_the_link(deployed: DynamoItems, signed: str, lines: Lines) -> None:
    invoke(event(signed, "POST", urlencode(CHOSEN)))
    [line] = lines()
    assert (line["message"], line["until"], line["source_ip"]) == ("Opted out by a link", "2026-11-24", "192.0.2.7")
    assert urlsplit(signed).query[-43:] not in json.dumps(line), "a link in a log is a link for whoever reads it"


def test_a_table_that_fails_amid_a_press_is_no_success(scene: Scene, url: str) -> None:
    def fail(_: str) -> None:
        raise LedgerError("no answer")

    scene.items.before = fail
    with pytest.raises(LedgerError):
        scene.answer(url, "POST", CHOSEN)


def test_an_hour_counts_in_the_policys_zone(scene: Scene) -> None:
    scene.at = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    report = scene.swept(EVENING, Mode.PLAN)
    link_for = link_maker(a_policy(POLICY, timezone="Europe/Berlin"), EVENING, AT, the_sweeps_key, print)
    assert link_for is not None
    url = link_for(report["decisions"][0]) or ""
    page = scene.answer(url)[1]
    assert "tonight (Wed 2026-11-25)" in page
    assert "Days are those of Europe/Berlin." in page
