"""The embedded AWS and what tests do with it."""

from __future__ import annotations

from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
