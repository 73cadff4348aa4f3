"""What a stop would lose for good is kept, unless its rule accepts that; what may be lost too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.drift import kept_since
from orchestrator.core.model import Decision, Loss, ReasonCode, Verdict
from tests.support.builders import a_policy, a_resource, an_account

NOON, NIGHT = datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 11, 23, 22, tzinfo=UTC)
WORDS = ("mac", "instance_store_volumes")
MAC = Loss("mac", "Its Mac host is scrubbed for hours")
STORE = Loss("instance_store_volumes", "A stop erases its data")
PERHAPS = Loss("instance_store_volumes", "Whether a stop erases its data is unknown (a reason)", is_unknown=True)
ADDRESS = Loss("public_ipv4")


def policy(accept: str = "", action: str = "stop") -> str:
    return f"""
        schedules: {{day: {{timezone: UTC, running: ["daily 07:00-19:00"]}}}}
        rules:
          - name: dev
            where: everything
            schedule: day
            action: {action}
            {f"accept: [{accept}]" if accept else ""}
        """


def decided(losses: tuple[Loss, ...], accept: str = "", action: str = "stop", at: datetime = NIGHT) -> Decision:
    return decide(a_policy(policy(accept, action)), a_resource(losses=losses), an_account(), at)


ONLY = "; rule dev would stop it only with accept: "


@pytest.mark.parametrize("action", ["stop", "hibernate"])
@pytest.mark.parametrize(
    ("losses", "code", "reason"),
    [
        ((STORE,), "not_accepted", f"A stop erases its data{ONLY}[instance_store_volumes]."),
        ((MAC,), "not_accepted", f"Its Mac host is scrubbed for hours{ONLY}[mac]."),
        ((PERHAPS,), "unknown_loss", f"{PERHAPS.why_kept}{ONLY}[instance_store_volumes]."),
        ((PERHAPS, MAC), "not_accepted", f"Its Mac host is scrubbed for hours{ONLY}[instance_store_volumes, mac]."),
    ],
)
def test_what_a_stop_would_lose_is_kept_with_what_would_be_lost_and_the_words_that_accept_it(
    losses: tuple[Loss, ...], code: str, reason: str, action: str
) -> None:
    kept = decided(losses, action=action)
    assert (kept.verdict, kept.reason_code, kept.reason) == (Verdict.KEEP, ReasonCode(code), reason)


@pytest.mark.parametrize("loss", [STORE, PERHAPS])
def test_what_the_rule_accepts_is_stopped_also_where_it_is_unknown_if_it_is_lost(loss: Loss) -> None:
    assert decided((loss,), "instance_store_volumes").verdict is Verdict.STOP
    assert decided((loss,), "mac").verdict is Verdict.KEEP


def test_what_needs_no_acceptance_is_stopped() -> None:
    assert decided((ADDRESS,)).verdict is Verdict.STOP


def test_a_schedule_that_lets_it_run_is_the_reason_before_what_would_be_lost() -> None:
    assert decided((STORE,), at=NOON).reason_code is ReasonCode.SCHEDULE


def test_an_acceptance_counts_in_its_own_rule_alone() -> None:
    text = """
        rules:
          - {name: macs, where: {tag: {Fleet: mac}}, accept: [mac]}
          - {name: rest, where: everything}
        """
    verdicts = [
        decide(a_policy(text), a_resource(tags={"Fleet": fleet}, losses=(MAC,)), an_account(), NIGHT).verdict
        for fleet in ("mac", "other")
    ]
    assert verdicts == [Verdict.STOP, Verdict.KEEP]


def test_what_is_found_out_right_before_the_stop_keeps_it_though_the_plan_did_not_know() -> None:
    """A plan of the release before says nothing of losses."""
    planned = decided(())
    assert planned.verdict is Verdict.STOP
    reason = kept_since(planned, a_resource(losses=(PERHAPS,)), a_policy(policy()), an_account(), NIGHT)
    assert reason is not None
    assert reason.code is ReasonCode.CHANGED
    assert "whether a stop erases its data is unknown" in reason.sentence


@given(
    st.lists(
        st.builds(Loss, st.sampled_from([*WORDS, "sent_elsewhere"]), st.sampled_from(["", "It is lost"]), st.booleans())
    ).map(tuple),
    st.sets(st.sampled_from(WORDS)),
)
def test_a_stop_loses_nothing_that_has_to_be_accepted_and_is_not(losses: tuple[Loss, ...], accept: set[str]) -> None:
    stopped = decided(losses, ", ".join(sorted(accept))).verdict is Verdict.STOP
    assert stopped is all(not one.why_kept or one.word in accept for one in losses)


# --- where metrics would decide whose it is ---------------------------------------------------------------------------

IDLE = """
    schedules: {day: {timezone: UTC, running: ["daily 07:00-19:00"]}}
    rules: [{name: idle-gpu, where: {idle: {gpu_below: 5, for: 24h}}, schedule: day}]
    """


@pytest.mark.parametrize(
    ("losses", "at", "why"),
    [
        ((STORE,), NIGHT, "A stop erases its data; rule idle-gpu would stop it only with accept: [instance_store_v"),
        ((), NOON, "its schedule day says that it should run now, until Mon 2026-11-23 19:00 UTC."),
    ],
)
def test_what_is_kept_whatever_its_metrics_are_names_what_keeps_it_and_not_that_they_were_not_read(
    losses: tuple[Loss, ...], at: datetime, why: str
) -> None:
    kept = decide(a_policy(IDLE), a_resource(losses=losses), an_account(), at)
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_CONDITION)
    begins = "Rule idle-gpu may own it, by metrics that were not read, and would keep it all the same: "
    assert kept.reason.startswith(begins + why)


def test_where_metrics_alone_decide_the_reason_is_that_they_are_unknown() -> None:
    kept = decide(a_policy(IDLE), a_resource(), an_account(), NIGHT)
    assert kept.reason == (
        "Rule idle-gpu may own it, but that depends on what is unknown: its idle (its metrics were not read)."
    )
