"""What earlier stops have saved by now: by the hours that they really lasted, at the prices of when they were made."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.savings import saving_of
from orchestrator.core.model import Resource, ResourceKey, ResourceState
from orchestrator.core.model.money import Forecast, HourlyPrice, MeasuredSaving

_UP = frozenset({ResourceState.RUNNING, ResourceState.STARTING})
_DOWN = frozenset({ResourceState.STOPPED, ResourceState.STOPPING})
_NO_PRICES = "no prices were asked for when it was stopped"
_NO_START = "it runs again, and AWS does not say since when"
_GONE = "it is gone, and nothing says since when"


def measure_stop(
    key: ResourceKey,
    stopped_by: str,
    stopped_at: datetime,
    forecast: Forecast | None,
    seen: Resource | None,
    now: datetime,
    *,
    is_started: bool = False,
) -> MeasuredSaving | None:
    """Of one resource as it is seen now (None: it is gone). None where what is seen says nothing of that stop.

    `is_started`: this sweep starts it. What was started and stopped again since was down until that start.
    """
    if seen is not None and seen.state is ResourceState.GONE:
        seen = None  # EC2 still lists what was terminated, for an hour
    if stopped_at >= now or (seen is not None and seen.state not in _UP | _DOWN):
        return None
    is_up = seen is not None and seen.state in _UP
    started_at = seen.started_at if seen is not None else None
    if started_at is not None and started_at <= stopped_at:
        if is_up:
            return None  # it has not been down since
        started_at = None
    ended = seen is None or is_up or started_at is not None
    until = min(started_at, now) if started_at is not None else now
    price = forecast.price if forecast is not None else HourlyPrice(None, None, "", _NO_PRICES)
    why = "" if not ended or started_at is not None else _GONE if seen is None else _NO_START
    saving = saving_of(price, stopped_at, until)
    if why:
        unknown = "; ".join(filter(None, (price.unknown, why)))
        saving = replace(saving, gross=None, still_billed=None, net=None, unknown=unknown)
    planned = forecast.until if forecast is not None else None
    return MeasuredSaving(
        key=key,
        stopped_by=stopped_by,
        stopped_at=stopped_at,
        until=until,
        running_again=ended and seen is not None,
        early=(ended or is_started) and seen is not None and planned is not None and until < planned,
        saving=saving,
        forecast_net=forecast.net if forecast is not None else None,
        is_gone=seen is None,
        made_up=price.made_up,
    )
