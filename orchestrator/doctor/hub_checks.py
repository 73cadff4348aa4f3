"""What doctor finds out about the hub without AWS's own calls: the kill switch's value, and where records are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from orchestrator.core.diagnosis import hub as doctor_hub
from orchestrator.core.diagnosis.checks import Check
from orchestrator.core.diagnosis.missed import DueSweep
from orchestrator.core.model import ActivePolicy, AwsError
from orchestrator.core.report.manifest import anchor_from, sha256_of
from orchestrator.errors import AnchorError, LedgerError, PolicyError, SettingsError, StopOrchestratorError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Anchor, KillSwitchUnreadableError
from orchestrator.sweep.anchor import leads_to
from orchestrator.sweep.halt import Read, not_go, read_with_tries, says_go

_LATEST = 50
"""As many sweeps as sweep.other_policies looks through for a text that its source does not have."""


def kill_switch_check(
    names: Callable[[], tuple[str, ...]], reader: Callable[[str], Read], sleep: Callable[[float], None]
) -> Callable[[], Check]:
    """A check that reads every kill switch that a sweep would obey."""

    def check() -> Check:
        try:
            switches = names()
            said = {name: read_with_tries(reader(name), sleep) for name in switches}
        except (KillSwitchUnreadableError, LedgerError) as failure:
            error = AwsError("KillSwitchUnreadable", str(failure))
            return doctor_hub.refused("kill_switch", "", error, "no sweep begins before it was read")
        return doctor_hub.kill_switches(
            switches, [not_go(one, text) for one, text in said.items() if not says_go(text)]
        )

    return check


def anchor_check(anchor: Anchor, ledger: Ledger) -> Callable[[], Check]:
    """A check that the anchor can be read and names what the chain leads to; it is never written."""

    def ask() -> Check:
        try:
            text = anchor.read()
            head = ledger.chain_head()
            named = anchor_from(text) if text is not None else None
            if named is not None and head is not None and leads_to(ledger, head, named):
                return doctor_hub.anchor_leads(anchor.name, named[0])
        except AnchorError as failure:
            advice = "allow ssm:GetParameter and ssm:PutParameter on it: verify --all proves less without it"
            check = doctor_hub.refused("anchor", "", AwsError(failure.code, ""), advice)
            return replace(check, detail=str(failure))
        except LedgerError as failure:
            return doctor_hub.not_checked("anchor", f"{anchor.name}: {failure}", "mend the table first")
        if text is None:
            return doctor_hub.no_anchor_yet(anchor.name, has_sweeps=head is not None)
        says = f"names {named[0]}, to which the chain does not lead" if named else "names no sweep and no SHA-256"
        return doctor_hub.wrong_anchor(anchor.name, says)

    return ask


def opt_out_links_check(read: Callable[[], object], derive_key: Callable[[], object]) -> Callable[[], Check]:
    """A check that a plan can read who opted out by a link, and that links can be signed. It makes none."""

    def ask() -> Check:
        try:
            read()
        except LedgerError as failure:
            return doctor_hub.opt_outs_unreadable(str(failure))
        try:
            derive_key()
        except StopOrchestratorError as failure:
            return doctor_hub.links_unsigned(str(failure))
        return doctor_hub.ok("opt_out_links", "opt-outs can be read, and links can be signed")

    return ask


def sweeps_check(look: Callable[[], Sequence[DueSweep]]) -> Callable[[], Check]:
    """A check of which scheduled sweep did not run when it was last due."""

    def ask() -> Check:
        try:
            return doctor_hub.sweeps(look())
        except (LedgerError, PolicyError, SettingsError) as unread:
            advice = "it needs the table, and the text of every active policy"
            return doctor_hub.not_checked("sweeps", str(unread), advice)

    return ask


def other_policies_check(ledger: Ledger, own_name: str, read: Callable[[str], str]) -> Callable[[], Check]:
    """A check that the text of every other active policy is there, and is the one that was activated."""

    def ask() -> Check:
        try:
            active = {name: one for name, one in ledger.active_policies().items() if name != own_name}
            unread = {name: why for name, one in active.items() if (why := _why_unread(name, one, read))}
            kept = {one.policy_sha256 for one in ledger.sweeps(_LATEST)} if unread else set()
        except LedgerError as failure:
            return doctor_hub.not_checked("other_policies", str(failure), "mend the table first")
        are_held = any(active[name].policy_sha256 not in kept for name in unread)
        return doctor_hub.other_policies(list(unread.values()), are_held=are_held)

    return ask


def _why_unread(name: str, active: ActivePolicy, read: Callable[[str], str]) -> str:
    try:
        text = read(active.source)
    except SettingsError as unreadable:
        return f"{name}: {unreadable}"
    if sha256_of(text.encode()) == active.policy_sha256:
        return ""
    return f"{name}: {active.source} has another text than the one that was activated at {active.activated_at}"


def local_folder_check(path: str) -> Callable[[], Check]:
    """A check that says where records are kept without a bucket or table; it always passes."""
    return lambda: doctor_hub.ok("records", f"not both of bucket and table are set: what is not set is kept in {path}")
