"""What a person started after its running hours had ended is kept: AWS's time of the start tells it, without any state.

EC2's launch time is that of the last start, the first one too ("initial and most recent launch times" in
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html). A start within the running hours is no sign of a
person, as a rule may start then. An undo's start after them is by hand: a person asked for it. Kinds of which AWS does
not say when they were started are stopped as ever, unless AWS starts them again by itself (decide.restarting).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from orchestrator.core.decide.local_times import local_text
from orchestrator.core.decide.whose_schedule import OwnSchedule
from orchestrator.core.model import Reason, ReasonCode, Resource
from orchestrator.core.policy.org_policy import Rule
from orchestrator.core.policy.schedules.answer import ScheduleAnswer, ScheduleState
from orchestrator.core.policy.schedules.schedule import Schedule


def started_by_hand(
    rule: Rule, own: OwnSchedule, answer: ScheduleAnswer, resource: Resource, now: datetime
) -> Reason | None:
    """Why it is kept although its schedule lets it be stopped; None where it was not started after its last running
    hours had ended, or, with a `keep_for`, within any, whatever running hours there were since.

    `answer` is that of its schedule, for `now`. Running hours that are further back than is looked are unknown, and it
    is kept. By a schedule that has none, each stop is the end of what came before it.
    """
    how, schedule, started = rule.started_by_hand, own.schedule, resource.started_at
    if schedule is None or not how.kept or resource.kind not in rule.start_told:
        return None
    if started is None:
        text = f"When it was started is unknown, so it may have been by hand after the running hours of {own.label}"
        return Reason(ReasonCode.UNKNOWN_START, f"{text}; rule {rule.name} stops it only with started_by_hand: stop.")
    if how.keep_for is not None:
        until = started + how.keep_for
        if now >= until or not _is_outside(schedule, started):
            return None
        return _kept(rule, own, started, f"for {_hours(how.keep_for.total_seconds())}", until)
    # AWS's times have whole seconds, and running hours end with a minute: neither is rounded.
    ended = _last_end(schedule, now) if schedule.has_running_hours else answer.since
    if ended is not None and started < ended:
        return None
    end = _next_end(schedule, answer.since or now)
    return _kept(rule, own, started, "through its next running hours" if end else "until they begin again", end)


def _is_outside(schedule: Schedule, at: datetime) -> bool:
    """Whether that is out of its running hours, or of what comes before its stops where it has none."""
    state = schedule.state_at(at)
    return state is not ScheduleState.RUNNING if schedule.has_running_hours else state is ScheduleState.STOPPED


def _kept(rule: Rule, own: OwnSchedule, started: datetime, how_long: str, until: datetime | None) -> Reason:
    zone = own.schedule.timezone if own.schedule else None
    text = (
        f"It was started at {local_text(started, zone)}, after its running hours by {own.label} had ended; "
        f"rule {rule.name} keeps it {how_long}"
    )
    return Reason(ReasonCode.STARTED_BY_HAND, f"{text}, until {local_text(until, zone)}." if until else f"{text}.")


def _last_end(schedule: Schedule, now: datetime) -> datetime | None:
    """By the stretch of now, which it is the same for: so the schedule remembers it."""
    return schedule.last_end_of_running(schedule.at(now).since or now)


# Remembered: one night it is the same for all that was started in it.


@lru_cache(maxsize=4096)
def _next_end(schedule: Schedule, since: datetime) -> datetime | None:
    """When it is to be stopped again after its next running hours; None where that is further ahead than is looked."""
    return schedule.next_stop(since, after_running=schedule.has_running_hours)


def _hours(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes and hours else f"{minutes} min" if minutes else f"{hours} h"
