"""The embedded AWS and what tests do with it."""

from __future__ import annotations

from tests.support.command_line import account, do, ids  # noqa: F401 - pytest finds fixtures by their names here
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
