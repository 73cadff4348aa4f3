"""The made-up AWS that kinds talk to."""

from __future__ import annotations

from tests.support.local_aws_fixtures import aws, clients  # noqa: F401 - pytest finds fixtures by their names here
