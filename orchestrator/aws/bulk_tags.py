"""The tags of all accounts and OUs in one listing of the Resource Groups Tagging API, believed only with proof.

From another account or region GetResources answers with an empty list and no error. So a listing counts only where each
ARN in it is of this organization, and the canary on the root, which `make deploy-management` set, is among its tags.
What was never tagged is not in it, and it may be behind: core/decide/bulk_tags.py says what it may decide.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.credentials import MemberSessions
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import PAGINATION_TOKEN, each_page
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, AwsError, Tags
from orchestrator.core.model.bulk_tags import CANARY_TAG, BulkTags
from orchestrator.ports import TargetUnreadableError

PERMISSIONS = frozenset({"tag:GetResources"})
"""GetResources asks for none of the service whose tags they are, unlike TagResources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html
"""
NO_BULK_TAGS = "NoBulkTags"
_REGIONS = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-northwest-1"}
"""Where Organizations is, by partition: https://docs.aws.amazon.com/general/latest/gr/ao.html"""
_PAGE = 100
_TYPES = ("organizations:account", "organizations:ou", "organizations:root")
"""As in ARNs: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html"""
_MOST_PAGES = 1000
"""An organization has 10,000 accounts by default, and pages may be short."""
_LIST = "ResourceTagMappingList"
_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):organizations::(?P<management>\d{12}):"
    r"(?P<type>account|ou|root)/(?P<organization>o-[a-z0-9]+)/(?P<id>\d{12}|ou-[a-z0-9-]+|r-[a-z0-9]+)"
)


class _NoProofError(Exception):
    """The listing is not believed; the text says why."""


@dataclass(frozen=True, slots=True)
class BulkTagsReader:
    """`read` is ports.OrganizationPort.read_bulk_tags. `management`: sessions of the role in the management account,
    for a hub outside of it; None where there is no such role.
    """

    clients: Clients
    management: MemberSessions | None
    retries: Retries

    def read(self, organization_id: str) -> BulkTags | AwsError:
        """The tags by the id of account or OU; an error that says why there is no listing, or it is not believed."""
        try:
            return self._read(organization_id)
        except _NoProofError as doubt:
            return AwsError(NO_BULK_TAGS, str(doubt))
        except TargetUnreadableError as refusal:
            return AwsError(
                refusal.error.code, f"{refusal.operation} in the management account: {refusal.error.message}"
            )
        except AWS_FAILURES as failure:
            return error_of(failure)
        except (AttributeError, KeyError, TypeError, ValueError) as failure:  # an answer of another form
            return AwsError(NO_BULK_TAGS, f"the answer is not as documented: {type(failure).__name__} {failure}")

    def _read(self, organization_id: str) -> BulkTags:
        region = _REGIONS.get(self.clients.partition)
        if region is None:
            text = f"in which region the partition {self.clients.partition} lists the tags of accounts is not known"
            raise _NoProofError(text)
        organization = self.clients.organizations().describe_organization()["Organization"]
        if organization["Id"] != organization_id:
            raise _NoProofError(f"the hub is in {organization['Id']}, which is not {organization_id}")
        management = AccountId(organization["MasterAccountId"])
        with self._asking(management, region) as get_resources:
            ask = partial(get_resources, ResourcesPerPage=_PAGE, ResourceTypeFilters=[*_TYPES])
            rows = self._rows(each_page("tag:GetResources", ask, PAGINATION_TOKEN))
        return BulkTags(_proven(rows, (self.clients.partition, management, organization_id)))

    def _rows(self, pages: Iterable[Any]) -> list[Any]:
        """As long as the sweep goes on, and there are no more pages than an organization fills."""
        rows: list[Any] = []
        for number, page in enumerate(pages, 1):
            rows += page[_LIST]
            if self.retries.out_of_time():
                raise _NoProofError("no more work was handed out before all was listed")
            if number >= _MOST_PAGES:
                raise _NoProofError(f"the listing has no end after {_MOST_PAGES} pages")
        return rows

    @contextmanager
    def _asking(self, management: AccountId, region: str) -> Iterator[Any]:
        """GetResources of the management account: by the hub's own credentials where it is that account."""
        caller = self.retries.call(lambda: self.clients.sts().get_caller_identity())
        if caller["Account"] == management:
            yield self.clients.tagging(region).get_resources
        elif self.management is None:
            text = (
                f"the hub is not the management account, {management}, and STOP_ORCHESTRATOR_MANAGEMENT_ROLE names no "
                "role there"
            )
            raise _NoProofError(text)
        else:
            client = self.clients.member("resourcegroupstaggingapi", region)
            with self.management.bind(management):
                yield lambda **asked: self.retries.call(lambda: client.get_resources(**asked))


def no_bulk_tags(_organization_id: str) -> AwsError:
    """For whoever lists the organization and stops nothing by it."""
    return AwsError(NO_BULK_TAGS, "tags are read one by one")


def _proven(rows: Iterable[Any], organization: tuple[str, str, str]) -> dict[str, Tags]:
    """The tags of accounts and OUs, by id. Raises _NoProofError."""
    found: dict[str, Tags] = {}
    roots: list[Tags] = []
    for row in rows:
        arn, tags = str(row["ResourceARN"]), {str(one["Key"]): str(one["Value"]) for one in row["Tags"]}
        named = _ARN.fullmatch(arn)
        if named is None or (named["partition"], named["management"], named["organization"]) != organization:
            raise _NoProofError(f"the listing names {arn!r}, which is nothing of the organization {organization[-1]}")
        if named["type"] == "root":
            roots.append(tags)
        elif found.setdefault(named["id"], tags) != tags:
            raise _NoProofError(f"the listing names {arn} twice, with different tags")
    if not any(tags.get(CANARY_TAG) == organization[-1] for tags in roots):
        text = (
            f"the listing lacks the tag {CANARY_TAG}={organization[-1]} of the organization's root, which proves that "
            "it is this organization's: `make deploy-management` writes it"
        )
        raise _NoProofError(text)
    return found
