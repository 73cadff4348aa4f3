"""What an owner reads: what is theirs, what it saves as far as that is known, and how to keep it."""

from __future__ import annotations

import shlex
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.model import Action, OutcomeStatus, ReasonCode, Verdict
from orchestrator.core.report.document import report_document
from orchestrator.core.report.messages.message import Message
from orchestrator.core.report.messages.owner_digests import DigestWriter, OwnerShare, owner_shares
from orchestrator.core.report.messages.words import moment_text
from tests.support.builders import AT, a_coverage, a_decision, a_report, a_resource, an_opt_out, an_outcome

BERLIN = ZoneInfo("Europe/Berlin")
Document = dict[str, Any]


def a_document(**fields: Any) -> Document:
    resources = [a_resource(f"i-{n}", tags={"Owner": "ann", "Name": f"web-{n}"}) for n in range(30)]
    kept = a_decision(a_resource("i-k", tags={"Owner": "ann"}), Verdict.KEEP, reason_code=ReasonCode.NO_RULE)
    report = a_report(
        decisions=(*map(a_decision, resources), kept),
        outcomes=tuple(an_outcome(resource=one) for one in resources),
        coverage=(a_coverage(),),
        owner_tag="Owner",
        **fields,
    )
    return report_document(report)


def with_money(document: Document, *nets: float | None, made_up: bool = False) -> Document:
    for row, net in zip(document["decisions"], nets, strict=False):
        row["money"] = {"net": net}
    return {**document, "money": {"made_up": made_up}}


def written(document: Document, **options: Any) -> Message:
    shares = owner_shares(document, lambda row: str(row["owner"]), warning=bool(document.get("as_of")))
    [share] = [one for one in shares if one.owner == "ann"]
    return DigestWriter(document, BERLIN, **options).write(share)


def test_it_names_twenty_and_counts_all() -> None:
    message = written(a_document())
    assert message.subject == "nonprod: 30 stopped (ann)"
    assert message.sections[0].heading == "Stopped (30)"
    assert message.sections[0].lines[0] == "web-0 (i-0), t3.micro, in account-111111111111 (111111111111) eu-central-1"
    assert (len(message.sections[0].rows), message.sections[0].lines[-1]) == (20, "... and 10 more")
    assert "1 resource of yours was kept." in message.lines


@pytest.mark.parametrize(
    ("nets", "text"),
    [
        ((1.5, 2.25), "The stops save $3.75, until each is started again."),
        ((1.5, None, None), "The stops save $1.50; of 2 it is not known, until each is started again."),
        ((None,), "The stops save an amount that is not known, until each is started again."),
        ((0.0,), "The stops save $0.00, until each is started again."),
    ],
)
def test_what_is_not_known_is_said_and_is_never_nothing(nets: tuple[float | None, ...], text: str) -> None:
    assert text in written(with_money(a_document(), *nets)).lines


def test_without_prices_nothing_is_said_of_money_and_made_up_ones_are_called_so() -> None:
    assert not [one for one in written(a_document()).lines if "save" in one]
    made_up = written(with_money(a_document(), 1.0, made_up=True))
    assert [one for one in made_up.lines if one.endswith("The prices are made up.")]


def test_opt_outs_of_theirs_that_end_soon_are_in_it() -> None:
    soon = an_opt_out(owner="ann", days_left=8)
    far = an_opt_out(owner="ann", carrier_id="i-far", days_left=40)
    other = an_opt_out(owner="bob", carrier_id="i-bob")
    message = written(a_document(opt_outs=(soon, far, other)))
    [part] = [one for one in message.sections if one.heading.startswith("Opt-outs")]
    assert part.rows == ("i-2 (resource): through 2026-12-01",)


def test_a_command_to_keep_holds_through_the_night_and_can_be_pasted() -> None:
    document = {**a_document(), "as_of": "2026-11-23T19:30:00Z", "mode": "plan"}
    message = written(document)
    commands = [one for part in message.sections for one in part.commands]
    arns = [word for one in commands for word in shlex.split(one) if word.startswith("arn:")]
    assert arns == [f"arn:aws:ec2:eu-central-1:111111111111:instance/{one}" for one in named(message)]
    assert {word for one in commands for word in shlex.split(one) if "opt-out=" in word} == {
        "stop-orchestrator:opt-out=2026-11-24,stop-orchestrator:opt-out-reason=tonight"
    }
    assert message.lines[0].endswith("at 2026-11-23 19:30 UTC (20:30 CET), as things are now.")


def named(message: Message) -> list[str]:
    return [row.partition("(")[2].partition(")")[0] for row in message.sections[0].rows]


def test_a_hostile_id_is_quoted_in_a_command() -> None:
    share = OwnerShare("ann")
    row = {**a_document()["decisions"][0], "arn": "arn:x; rm -rf ~ `id` $(id)"}
    share.add("Will be stopped", row)
    document = {**a_document(), "as_of": "2026-11-23T19:30:00Z"}
    message = DigestWriter(document, BERLIN).write(share)
    [command] = [one for part in message.sections for one in part.commands]
    assert shlex.split(command)[-1] == row["arn"]


def test_what_will_be_started_is_said_and_needs_no_keeping() -> None:
    resource = a_resource("i-1", state="stopped", tags={"Owner": "ann"})
    start = a_decision(resource, Verdict.START, action=Action.START)
    report = a_report(
        decisions=(start,), outcomes=(an_outcome(OutcomeStatus.WOULD_START, resource),), owner_tag="Owner"
    )
    message = written({**report_document(report), "as_of": "2026-11-23T06:30:00Z"})
    assert [one.heading for one in message.sections] == ["Will be started (1)"]
    assert message.subject == "nonprod: 1 resource will be started at 06:30 UTC (ann)"


def test_a_moment_is_said_in_the_policys_zone_too() -> None:
    assert moment_text(AT, ZoneInfo("UTC")) == "2026-11-23 19:00 UTC"
    assert moment_text(AT, BERLIN) == "2026-11-23 19:00 UTC (20:00 CET)"
    assert moment_text(AT, ZoneInfo("Asia/Tokyo")) == "2026-11-23 19:00 UTC (2026-11-24 04:00 JST)"
