"""What the adapters talk to: a made-up AWS, or moto's DynamoDB and S3."""

from __future__ import annotations

# pytest finds fixtures by their names in this file
from tests.support.local_aws_fixtures import aws, clients  # noqa: F401 - pytest finds fixtures by their names here
from tests.support.moto_server import hub, moto_url  # noqa: F401 - the same
from tests.support.moto_speed import _moto_is_quick  # noqa: F401 - the same
