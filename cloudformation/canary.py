"""The canary: a tag on the organization's root, by which a listing of the tags of all accounts proves itself.

No resource of CloudFormation tags a root, which cannot be created either: so `make deploy-management` sets the tag, and
`make remove-management` deletes it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from rich.table import Table

from cloudformation.tables import empty_table
from orchestrator.aws.failures import error_of, text_of
from orchestrator.aws.pages import each_page
from orchestrator.core.model.aws_error_codes import DENIED_CODES
from orchestrator.core.model.bulk_tags import CANARY_TAG

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class Canary:
    """As it is when this is made; `remove`: it is to go. A failure to see it is told in `unseen`, and no error."""

    def __init__(self, client: OrganizationsClient, *, remove: bool = False) -> None:
        self._client = client
        self._remove = remove
        self._root_id = ""
        self._wanted = ""
        self._found: str | None = None
        self.unseen = ""
        """Why nothing can be said of it: these credentials may not look, or there is no root."""
        try:
            self._look()
        except ClientError as refused:
            if error_of(refused).code not in DENIED_CODES:
                raise
            why = text_of(refused)
            self.unseen = f"The tag {CANARY_TAG} of the root was not looked at, and stays as it is: {why}"

    @property
    def differs(self) -> bool:
        """Whether something is to do."""
        if self.unseen:
            return False
        return self._found is not None if self._remove else self._found != self._wanted

    def table(self) -> Table:
        """The change, for a person to read before the question."""
        table = empty_table("Organization's root", "action", "tag", "value", "of")
        action = "Remove" if self._remove else "Add" if self._found is None else "Modify"
        value = (self._found or "") if self._remove else self._wanted
        table.add_row(action, CANARY_TAG, value, self._root_id, style="red" if self._remove else None)
        return table

    def carry_out(self) -> str:
        """Does that; what was done, in a sentence."""
        if self._remove:
            self._client.untag_resource(ResourceId=self._root_id, TagKeys=[CANARY_TAG])
            return f"deleted the tag {CANARY_TAG} of {self._root_id}"
        self._client.tag_resource(ResourceId=self._root_id, Tags=[{"Key": CANARY_TAG, "Value": self._wanted}])
        return f"tagged {self._root_id} with {CANARY_TAG}={self._wanted}"

    def _look(self) -> None:
        self._wanted = self._client.describe_organization()["Organization"]["Id"]
        roots = [root for page in each_page("ListRoots", self._client.list_roots) for root in page["Roots"]]
        if not roots:
            self.unseen = "AWS Organizations names no root"
            return
        self._root_id = roots[0]["Id"]
        ask = partial(self._client.list_tags_for_resource, ResourceId=self._root_id)
        tags = {tag["Key"]: tag["Value"] for page in each_page("ListTagsForResource", ask) for tag in page["Tags"]}
        self._found = tags.get(CANARY_TAG)
