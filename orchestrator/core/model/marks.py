"""The tags by which a sweep marks what it is about to stop. A mark is part of the intent."""

from __future__ import annotations

import re

SWEEP_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
STOPPED_BY_TAG = "stop-orchestrator:stopped-by"
"""The sweep's id."""
STOPPED_AT_TAG = "stop-orchestrator:stopped-at"
"""When the stop was asked for, in UTC."""
MARKS = (STOPPED_BY_TAG, STOPPED_AT_TAG)
STOP_AFTER_TAG = "stop-orchestrator:stop-after"
"""Announces a stop to people: the last day on which the resource is kept. No mark: the ledger's day counts."""
ORDER_TAG = "stop-orchestrator:order"
"""A person's word: the number of the resource in the order of its account, in place of its kind's. No mark."""
