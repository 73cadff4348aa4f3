"""Manifests that a KMS key signs, and the other small services of the hub account, over the embedded AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.aws.hub_services import ParameterAnchor, Signer, parameter_reader
from orchestrator.core.report.manifest import MANIFEST, SIGNATURE
from orchestrator.demo.faults import Fault
from orchestrator.errors import AnchorError, StopOrchestratorError
from orchestrator.ports import KillSwitchUnreadableError
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full

RULES = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"


@pytest.fixture
def key(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> str:
    made = organization.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
    key_id = str(made["KeyMetadata"]["KeyId"])
    monkeypatch.setenv("STOP_ORCHESTRATOR_SIGNING_KEY", key_id)
    return key_id


def planned(run: Run, policy: Policy) -> Ran:
    ran = run("plan", "--policy", policy(RULES), "--format", "json")
    assert ran.exit_code == 0
    return ran


def file_of(folder: Path, name: str) -> Path:
    [path] = folder.rglob(name)
    return path


@pytest.mark.usefixtures("healthy", "key")
def test_a_manifest_is_signed_and_its_signature_is_verified(run: Run, policy: Policy, tmp_path: Path) -> None:
    sweep_id = planned(run, policy).report["sweep_id"]
    assert file_of(tmp_path, SIGNATURE).read_bytes()
    assert run("verify", sweep_id).exit_code == 0
    assert run("verify", "--all").exit_code == 0


@pytest.mark.usefixtures("healthy", "key")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0"), "does not fit the manifest"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "does not fit the manifest"),
        *only_in_full((lambda path: path.write_bytes(b"0" * 6145), "does not fit the manifest")),
    ],
)
def test_a_signature_that_is_altered_or_removed_is_named(
    run: Run, policy: Policy, tmp_path: Path, change: object, problem: str
) -> None:
    sweep_id = planned(run, policy).report["sweep_id"]
    assert callable(change)
    change(file_of(tmp_path, SIGNATURE))
    ran = run("verify", sweep_id)
    assert (ran.exit_code, ran.stdout.strip()) == (1, f"{sweep_id} {SIGNATURE} {problem}")


@pytest.mark.usefixtures("healthy")
def test_a_key_that_cannot_sign_ends_the_sweep_with_kmss_words_and_it_is_sealed_when_it_can(
    organization: OrganizationBuilder, run: Run, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_SIGNING_KEY", "00000000-0000-0000-0000-000000000000")
    ran = run("plan", "--policy", policy(RULES))
    assert (ran.exit_code, "cannot sign" in ran.stderr, "NotFoundException" in ran.stderr) == (1, True, True)
    assert not [*tmp_path.rglob(MANIFEST)]
    monkeypatch.delenv("STOP_ORCHESTRATOR_SIGNING_KEY")
    [sweep_id] = {path.parent.name.removeprefix("sweep=") for path in tmp_path.rglob("report.json")}
    resumed = run("sweep", "--resume", sweep_id)
    assert resumed.exit_code == 0
    assert run("verify", sweep_id).exit_code == 0


def test_a_key_for_encryption_signs_nothing(organization: OrganizationBuilder) -> None:
    made = organization.client("kms").create_key()
    with pytest.raises(StopOrchestratorError, match="no key for signing"):
        Signer(Clients(), made["KeyMetadata"]["KeyId"]).sign(b"text")


def test_a_key_that_is_gone_says_nothing_of_a_signature(organization: OrganizationBuilder) -> None:
    with pytest.raises(StopOrchestratorError, match="cannot verify: NotFoundException"):
        Signer(Clients(), "00000000-0000-0000-0000-000000000000").check(b"text", b"signature")


def test_an_anchor_is_written_over_what_it_was_and_a_refusal_has_ssms_words(organization: OrganizationBuilder) -> None:
    anchor = ParameterAnchor(Clients(), "/stop-orchestrator/anchor")
    assert anchor.read() is None
    for text in ("one", "two"):
        anchor.write(text)
        assert anchor.read() == text
    organization.front.faults.add(Fault("AccessDeniedException", "not you", operation="ssm:*"))
    for call in (anchor.read, lambda: anchor.write("three")):
        with pytest.raises(
            AnchorError, match=r"ssm:\w+Parameter /stop-orchestrator/anchor: AccessDeniedException: not you"
        ):
            call()


@pytest.mark.usefixtures("healthy")
def test_a_sweep_whose_anchor_may_not_be_written_is_complete_and_says_so(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_ANCHOR", "/stop-orchestrator/anchor")
    organization.front.faults.add(Fault("AccessDeniedException", "not you", operation="ssm:PutParameter"))
    ran = planned(run, policy)
    warning = "the anchor /stop-orchestrator/anchor was not moved: ssm:PutParameter"
    assert warning in ran.stderr
    assert f"{ran.report['sweep_id']}: {warning}" in " ".join(run("history").stdout.split())
    verified = run("verify", "--all", "--format", "json")
    assert (verified.exit_code, [row["file"] for row in verified.report["broken"]]) == (
        1,
        ["/stop-orchestrator/anchor"],
    )


def test_a_parameter_is_read_a_missing_one_says_nothing_and_another_refusal_makes_it_unreadable(
    organization: OrganizationBuilder,
) -> None:
    organization.client("ssm").put_parameter(Name="/kill-switch", Value="go", Type="String")
    assert parameter_reader(Clients(), "/kill-switch")() == "go"
    assert parameter_reader(Clients(), "/no-such")() is None
    organization.front.faults.add(Fault("AccessDeniedException", "not you", operation="ssm:GetParameter"))
    with pytest.raises(
        KillSwitchUnreadableError, match="ssm:GetParameter /kill-switch: AccessDeniedException: not you"
    ):
        parameter_reader(Clients(), "/kill-switch")()
