"""Notebook instances read and acted on, in what they differ from other kinds: tags by calls of their own, and looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import sagemaker_backends

from orchestrator.core.model import AccountId, Action, OutcomeStatus, ResourceState
from orchestrator.demo.faults import Fault
from orchestrator.demo.gates.sagemaker_notebook import let_fall_back, let_hang
from orchestrator.kinds.sagemaker_notebook.describe import all_notebooks, of_account, tags_of
from orchestrator.kinds.sagemaker_notebook.kind import NotebookInstances
from orchestrator.ports import LookRefusedError, TargetUnreadableError
from tests.kinds.contract.harness import REGION
from tests.kinds.sagemaker_notebook.harness import Embedded, InMemory, seed

LIST, TAGS = "sagemaker:ListNotebookInstances", "sagemaker:ListTags"


class Pages:
    """A client that gives so many pages."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def list_notebook_instances(self, **asked: Any) -> dict[str, Any]:
        return self._page(asked, "NotebookInstances", "NotebookInstanceName")

    def list_tags(self, **asked: Any) -> dict[str, Any]:
        return self._page(asked, "Tags", "Key")

    def _page(self, asked: dict[str, Any], name: str, field: str) -> dict[str, Any]:
        self.asked.append(asked)
        page = int(asked.get("NextToken", "0"))
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.pages) else {}
        return {name: [{field: one} for one in self.pages[page]], **more}


def once(_: str, ask: Any) -> Any:
    return ask()


def calls(aws: Embedded) -> dict[str, int]:
    return {name: count for name, count in aws.organization.front.calls.items() if name.startswith("sagemaker:")}


def test_every_page_is_read_and_an_empty_one_is_not_the_end() -> None:
    client = Pages(["a", "b"], [], ["c"])
    assert [one["NotebookInstanceName"] for one in all_notebooks(client, once)] == ["a", "b", "c"]
    assert [asked.get("NextToken") for asked in client.asked] == [None, "1", "2"]
    assert {asked["MaxResults"] for asked in client.asked} == {100}
    assert [one["Key"] for one in tags_of(Pages(["a"], ["b"]), "arn", once)] == ["a", "b"]


@pytest.mark.parametrize("arn", ["arn:aws:sagemaker:eu-central-1:222222222222:notebook-instance/b", "", None])
def test_a_notebook_of_another_account_is_refused_and_the_target_with_it(arn: str | None) -> None:
    rows = [{"NotebookInstanceArn": arn} if arn else {}]
    with pytest.raises(ClientError, match=r"WrongAccount.*111111111111"):
        list(of_account(AccountId("111111111111"), rows))


def test_a_region_without_notebooks_costs_one_call_and_tags_are_asked_of_what_is_not_down(aws: Embedded) -> None:
    aws.organization.front.calls.clear()
    assert aws.read() == {}
    assert calls(aws) == {LIST: 1}
    runs, stopping, stopped, starting, odd = aws.add(5)
    for one, word in ((stopping, "Stopping"), (stopped, "Stopped"), (starting, "Pending"), (odd, "Updating")):
        aws.put(one, word)
    aws.organization.front.calls.clear()
    assert set(aws.read()) == {runs, stopping, starting, odd}
    assert calls(aws) == {LIST: 1, TAGS: 4}


@pytest.mark.parametrize(
    ("differs", "what"), [({"word": "Stopped"}, "its state"), ({"tags": {"Owner": "me"}}, "its tag Owner")]
)
def test_a_notebook_that_is_listed_twice_and_not_alike_is_kept(
    monkeypatch: pytest.MonkeyPatch, differs: dict[str, Any], what: str
) -> None:
    aws = InMemory(monkeypatch)
    plain, culprit = aws.add(2)
    aws.copies = {plain: replace(aws.rows[plain]), culprit: replace(aws.rows[culprit], **differs)}
    found = aws.read()
    obstacle = found[culprit].obstacle
    assert obstacle is not None
    assert f"the copies differ in {what}" in obstacle.sentence
    assert found[plain].obstacle is None, "alike it counts once"


@pytest.mark.parametrize("operation", [LIST, TAGS])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("AccessDeniedException", "not authorized", 403), "AccessDeniedException: not authorized"),
        (Fault(body="<html><body>busy</body></html>", status=200), "ResponseParserError"),
    ],
)
def test_a_target_that_cannot_be_read_says_which_call_failed_in_awss_words(
    aws: Embedded, operation: str, fault: Fault, words: str
) -> None:
    aws.add()
    aws.organization.front.faults.add(replace(fault, operation=operation))
    with pytest.raises(TargetUnreadableError, match=f"^{operation}: {words}") as unreadable:
        aws.read()
    assert unreadable.value.operation == operation


def test_one_whose_tags_aws_refuses_to_tell_is_kept_and_costs_no_other_its_reading(aws: Embedded) -> None:
    plain, culprit = aws.add(2, {"Environment": "dev"})
    fault = Fault("ValidationException", "RecordNotFound", operation=TAGS, instance=f"*/{culprit}")
    aws.organization.front.faults.add(fault)
    found = aws.read()
    assert found[plain].obstacle is None
    obstacle = found[culprit].obstacle
    assert obstacle is not None
    assert "did not tell its tags" in obstacle.sentence
    with pytest.raises(LookRefusedError) as refusal:
        aws.look(plain, culprit)
    assert (list(refusal.value.seen), list(refusal.value.refused)) == ([plain], [culprit])


def test_after_a_stop_a_second_one_is_refused_and_the_notebook_found_where_it_was_wanted(aws: Embedded) -> None:
    [one] = aws.add()
    guard = aws.guard()
    guard.before_admitting = lambda: aws.someone(Action.STOP, [one])
    outcome = aws.act(Action.STOP, [one], guard)[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.ALREADY_STOPPED, "")
    assert "stopped by someone else" in outcome.message


def test_what_is_updated_meanwhile_fails_in_awss_words_and_is_not_asked_for_twice(aws: Embedded) -> None:
    [one] = aws.add()
    guard = aws.guard()
    guard.before_admitting = lambda: aws.put(one, "Updating")
    outcome = aws.act(Action.STOP, [one], guard)[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "ValidationException")
    assert "Status (Updating) not in ([InService])" in outcome.message
    assert aws.log.count("stop") == 1


def test_what_hangs_in_stopping_is_stopping_and_is_not_taken_for_running(aws: Embedded) -> None:
    [one] = aws.add()
    let_hang(sagemaker_backends[aws.account][REGION].notebook_instances[one])
    assert aws.act(Action.STOP, [one])[one].status is OutcomeStatus.STOPPING
    assert [aws.read()[one].state for _ in range(3)] == [ResourceState.STOPPING] * 3


def test_a_start_that_failed_says_so_with_awss_reason_and_may_be_asked_for_again(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    notebook = sagemaker_backends[aws.account][REGION].notebook_instances[one]
    let_fall_back(notebook)
    aws.act(Action.START, [one])
    seen = aws.look(one)[one]
    assert (seen.state, seen.aws_state) == (ResourceState.UNKNOWN, "Failed")
    assert seen.start_failure is not None
    assert seen.start_failure.message == "InternalServerError"
    assert aws.act(Action.START, [one])[one].status is OutcomeStatus.STARTING


def test_its_volume_is_billed_while_it_is_down_and_its_instance_only_while_it_runs(aws: Embedded) -> None:
    [one] = aws.add()
    resource = aws.read()[one]
    assert isinstance(aws.kind, NotebookInstances)
    with aws.binding():
        billed = aws.kind.billed(aws.target, [resource])[one]
    [compute], [volume] = billed.running, billed.still
    assert (compute.key.type, compute.key.item, volume.key.item, volume.quantity) == (
        "ml.t3.medium",
        "compute",
        "storage",
        20,
    )


def test_a_volume_that_could_not_be_read_is_said_and_costs_no_other_its_price(aws: Embedded) -> None:
    ids = aws.add(2)
    found = aws.read()
    fault = Fault("AccessDeniedException", "no", 403, operation="sagemaker:DescribeNotebookInstance", instance=ids[0])
    aws.organization.front.faults.add(fault)
    assert isinstance(aws.kind, NotebookInstances)
    with aws.binding():
        billed = aws.kind.billed(aws.target, [found[one] for one in ids])
    assert billed[ids[0]].still_unknown == "sagemaker:DescribeNotebookInstance: AccessDeniedException: no"
    assert len(billed[ids[0]].running) == len(billed[ids[1]].still) == 1


# --- the embedded AWS answers as AWS does -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        (["stop", "stop"], r"Status \(Stopping\) not in \(\[InService\]\)"),
        (["start"], r"Status \(InService\) not in \(\[Stopped, Failed\]\)"),
        (["stop", "start"], r"Status \(Stopping\) not in \(\[Stopped, Failed\]\)"),
    ],
)
def test_the_embedded_aws_refuses_what_is_not_in_the_state_for_it(aws: Embedded, calls: list[str], text: str) -> None:
    [one] = aws.add()
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("sagemaker", REGION)
        asked = [getattr(client, f"{call}_notebook_instance") for call in calls]
        for ask in asked[:-1]:
            ask(NotebookInstanceName=one)
        with pytest.raises(ClientError, match=text):
            asked[-1](NotebookInstanceName=one)


def test_the_embedded_aws_lets_states_pass_writes_tags_over_and_knows_what_is_gone(aws: Embedded) -> None:
    one = seed(aws.organization, aws.account, REGION, {"Owner": "me"})
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("sagemaker", REGION)
        before = client.describe_notebook_instance(NotebookInstanceName=one)
        client.add_tags(ResourceArn=before["NotebookInstanceArn"], Tags=[{"Key": "Owner", "Value": "you"}])
        tags = client.list_tags(ResourceArn=before["NotebookInstanceArn"])["Tags"]
        assert tags == [{"Key": "Owner", "Value": "you"}]
        client.stop_notebook_instance(NotebookInstanceName=one)
        looks = [client.describe_notebook_instance(NotebookInstanceName=one) for _ in range(2)]
        assert [look["NotebookInstanceStatus"] for look in looks] == ["Stopping", "Stopped"]
        assert looks[1]["LastModifiedTime"] > before["LastModifiedTime"]
        client.delete_notebook_instance(NotebookInstanceName=one)
        for ask in (
            lambda: client.describe_notebook_instance(NotebookInstanceName=one),
            lambda: client.list_tags(ResourceArn=before["NotebookInstanceArn"]),
        ):
            with pytest.raises(ClientError, match="RecordNotFound"):
                ask()
