"""The command `doctor`: would a sweep by this policy work, and what to do about what would keep it from working."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator import app as wiring
from orchestrator.cli.console import (
    BAD_USAGE,
    Format,
    errors_as_exit_codes,
    fail,
    print_json,
    settings_of,
    stderr,
    stdout,
)
from orchestrator.cli.doctor_tables import print_diagnosis
from orchestrator.cli.options import (
    ExternalIdOption,
    FormatOption,
    KillSwitchOption,
    PolicyOption,
    RoleOption,
    WorkersOption,
    YesOption,
)
from orchestrator.cli.progress import TerminalProgress
from orchestrator.cli.prove import instance_of, prove_instance
from orchestrator.core.diagnosis.checks import diagnosis_document
from orchestrator.doctor.diagnose import diagnose
from orchestrator.settings import DEFAULT_STACK_SET


def doctor(
    policy: PolicyOption = None,
    output: FormatOption = Format.TABLE,
    stack_set: Annotated[
        str | None,
        typer.Option(
            help="StackSet that rolls out the member role. "
            f"[env STOP_ORCHESTRATOR_STACK_SET, default {DEFAULT_STACK_SET}]"
        ),
    ] = None,
    kill_switch: KillSwitchOption = None,
    member_role: RoleOption = None,
    external_id: ExternalIdOption = None,
    workers: WorkersOption = None,
    prove: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANCE_ID",
            help="Instead: mark, stop, see, start and unmark this one EC2 instance, once its id was typed, and show "
            "each call with AWS's answer. With --account and --region, or as ACCOUNT/REGION/INSTANCE_ID.",
        ),
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT_ID", help="Of the instance to prove on.")] = None,
    region: Annotated[str | None, typer.Option(metavar="REGION", help="Of the instance to prove on.")] = None,
    yes: YesOption = False,
) -> None:
    """Check whether a sweep by this policy would work, and say what to do about each thing that would not.

    Asks the hub, and every account in the policy's scope: its role, its regions, and each action that the kinds in
    the policy's rules need: of EC2 by dry runs, of kinds that have none by IAM's policy simulator, where the member
    role may ask it. Stops nothing, changes nothing, leaves nothing behind. Only --prove acts, on one instance: within
    the policy's scope and limits, whatever opted out is spared; rules and schedules do not count.
    """
    settings = settings_of(
        policy=policy,
        stack_set=stack_set,
        kill_switch=kill_switch,
        member_role=member_role,
        external_id=external_id,
        workers=workers,
    )
    if not settings.policy:
        fail("name a policy: --policy config/policy.yaml, or STOP_ORCHESTRATOR_POLICY", BAD_USAGE)
    if prove is not None:
        prove_instance(settings, instance_of(prove, account, region), output, yes=yes)
    if account or region or yes:
        fail("--account, --region and --yes are for --prove INSTANCE_ID", BAD_USAGE)
    progress = TerminalProgress(stderr)
    with errors_as_exit_codes(output):
        clients = wiring.make_clients(settings)
        wiring.require_credentials(clients)  # for want of them nothing can be checked
        loaded = wiring.read_policy(settings.policy, lambda: clients)
        with progress.shown():
            diagnosis = diagnose(wiring.make_doctor_context(settings, clients, loaded, progress), loaded)
    if output is Format.JSON:
        print_json(diagnosis_document(diagnosis))
    else:
        print_diagnosis(stdout, diagnosis)
    raise typer.Exit(diagnosis.exit_code)
