"""How long AWS takes and leaves DB instances and DB clusters: apart, as descriptions are read by every command."""

from __future__ import annotations

from datetime import timedelta

RESTARTED_AFTER = timedelta(days=7)
"""AWS starts what is stopped again by itself after that time, which it tells beforehand:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
"""
STOP_NOTED_WITHIN = timedelta(minutes=65)
"""A stop may take an hour (same page)."""
