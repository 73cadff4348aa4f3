"""The embedded AWS and what tests do with it, killed commands among it."""

from __future__ import annotations

from tests.support.crashes.fixtures import place, zygote  # noqa: F401 - pytest finds fixtures by their names in this file
from tests.support.fixtures import *  # noqa: F403 - the same
