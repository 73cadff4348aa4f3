"""ListNotebookInstances, page by page; DescribeNotebookInstance, one by one; and ListTags, which alone tells tags.

Listed without a filter: one filter takes one status, and what runs, starts, stops and is updated would be four calls of
a region that has none. Tags are asked for only of what is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.aws.failures import Failure, classify, error_of, require_account
from orchestrator.aws.pages import each_page
from orchestrator.core.model import AccountId
from orchestrator.kinds.shared.operations import Call, answer_with

LIST, DESCRIBE, LIST_TAGS = "ListNotebookInstances", "DescribeNotebookInstance", "ListTags"
_PAGE_SIZE = 100
"""The most that SageMaker gives."""
_GONE = "RecordNotFound"
"""The message, under the code ValidationException, of a name that SageMaker does not know."""
Told = tuple[Any, list[Any] | None]
"""A notebook instance as botocore names its fields, and its tags; None where SageMaker did not tell them."""


def all_notebooks(client: Any, call: Call) -> Iterator[Any]:
    """As botocore names their fields, whatever their state. Raises botocore's exceptions."""

    def ask(**more: str) -> Any:
        listed = partial(client.list_notebook_instances, MaxResults=_PAGE_SIZE, **more)
        return call(LIST, partial(answer_with, "NotebookInstances", listed))

    for page in each_page(LIST, ask):
        yield from page["NotebookInstances"]


def of_account(account_id: AccountId, notebooks: Iterable[Any]) -> Iterator[Any]:
    """The same ones. Raises botocore's exception at one whose ARN is not of that account."""
    for one in notebooks:
        require_account(LIST, account_id, one.get("NotebookInstanceArn") or "")
        yield one


def notebook(client: Any, account_id: AccountId, name: str, call: Call) -> Any | None:
    """As SageMaker describes it; None where it knows none of that name. Raises botocore's exceptions."""
    asked = partial(client.describe_notebook_instance, NotebookInstanceName=name)
    try:
        told = call(DESCRIBE, partial(answer_with, "NotebookInstanceArn", asked))
    except ClientError as failure:
        if _GONE in error_of(failure).message:
            return None
        raise
    require_account(DESCRIBE, account_id, told["NotebookInstanceArn"])
    return told


def notebooks_by_name(client: Any, account_id: AccountId, names: Sequence[str], call: Call) -> Iterator[Told]:
    """Those that SageMaker knows. Raises botocore's exceptions, also where it does not tell the tags of one."""
    for name in names:
        told = notebook(client, account_id, name, call)
        if told is not None:
            yield told, tags_of(client, told["NotebookInstanceArn"], call)


def with_tags(client: Any, notebooks: Iterable[Any], call: Call) -> Iterator[Told]:
    """The same ones. Raises botocore's exceptions, but for a refusal that is about one of them: of one that is gone
    meanwhile there are no tags to be told, and it costs no other its place.
    """
    for one in notebooks:
        try:
            tags = tags_of(client, one["NotebookInstanceArn"], call)
        except ClientError as failure:
            if classify(failure) is not Failure.REFUSED:
                raise
            tags = None
        yield one, tags


def tags_of(client: Any, arn: str, call: Call) -> list[Any]:
    """Key and value of each. Raises botocore's exceptions."""

    def ask(**more: str) -> Any:
        return call(LIST_TAGS, partial(answer_with, "Tags", partial(client.list_tags, ResourceArn=arn, **more)))

    return [tag for page in each_page(LIST_TAGS, ask) for tag in page["Tags"]]
