"""Settings: from the environment that is given and from nothing else; whatever is wrong is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.model import Mode
from orchestrator.errors import SettingsError
from orchestrator.settings import DEFAULT_STORE, PREFIX, Settings


def test_an_override_wins_over_its_variable_unless_it_is_none() -> None:
    environment = {f"{PREFIX}WORKERS": "3", f"{PREFIX}MODE": "enforce"}
    settings = Settings.from_env(environment, workers=7, mode=None)
    assert (settings.workers, settings.mode) == (7, Mode.ENFORCE)


def test_a_folder_that_is_given_wins_over_the_bucket_and_the_table_of_the_environment() -> None:
    environment = {f"{PREFIX}REPORT_BUCKET": "reports", f"{PREFIX}TABLE": "sweeps"}
    settings = Settings.from_env(environment, store=Path("here"))
    assert (settings.store, settings.report_bucket, settings.table) == (Path("here"), None, None)
    elsewhere = Settings.from_env({**environment, f"{PREFIX}STORE": "there"})
    assert (elsewhere.store, elsewhere.report_bucket, elsewhere.table) == (Path("there"), "reports", "sweeps")


@pytest.mark.parametrize(("anchor", "kept"), [("/anchor", None), ("file:anchor", "file:anchor")])
def test_a_folder_that_is_given_has_not_the_anchor_of_the_hub(anchor: str, kept: str | None) -> None:
    environment = {f"{PREFIX}ANCHOR": anchor}
    assert Settings.from_env(environment).anchor == anchor
    assert Settings.from_env(environment, store=Path("here")).anchor == kept


def test_an_anchor_is_not_the_kill_switch() -> None:
    environment = {f"{PREFIX}ANCHOR": "/a", f"{PREFIX}KILL_SWITCH": "/a", f"{PREFIX}WORKERS": "0"}
    with pytest.raises(SettingsError) as wrong:
        Settings.from_env(environment)
    assert [line.split("=")[0] for line in str(wrong.value).splitlines()] == [f"{PREFIX}ANCHOR", f"{PREFIX}WORKERS"]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_as_if_it_were_not_there(name: str) -> None:
    assert Settings.from_env({f"{PREFIX}{name.upper()}": ""}) == Settings()


def test_everything_that_is_wrong_is_named_at_once_by_its_variable_or_its_option() -> None:
    environment = {f"{PREFIX}WORKERS": "0", f"{PREFIX}MODE": "stop", f"{PREFIX}TABLE": " ", f"{PREFIX}TOPIC": "night"}
    with pytest.raises(SettingsError) as wrong:
        Settings.from_env(environment, ("policy", "table"), lease_seconds=0)
    assert [line.split("=")[0] for line in str(wrong.value).splitlines()] == [
        f"{PREFIX}POLICY is missing",
        f"{PREFIX}TABLE is missing",
        f"{PREFIX}MODE",
        f"{PREFIX}WORKERS",
        f"{PREFIX}TOPIC",
        "--lease-seconds",
    ]
    assert f"{PREFIX}MODE='stop': must be 'plan', 'enforce' or 'approve'" in str(wrong.value)


@pytest.mark.parametrize("value", ["our secret", "x", "\u00e9-our-secret", "s" * 1225])
def test_an_external_id_is_never_quoted(value: str) -> None:
    for given, options in (({f"{PREFIX}EXTERNAL_ID": value}, {}), ({}, {"external_id": value})):
        with pytest.raises(SettingsError) as wrong:
            Settings.from_env(given, (), **options)
        assert "string" in str(wrong.value).lower()
        assert value not in str(wrong.value).partition(": ")[2]
    assert "our-secret" not in repr(Settings(external_id="our-secret"))


ALLOWED = "s3://policies/team-a/*, s3://policies/one.yaml,ssm:/policies/"


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("s3://policies/team-a/dev.yaml", True),
        ("s3://policies/one.yaml", True),
        ("ssm:/policies/dev", True),
        ("s3://policies/one.yaml.bak", False),
        ("s3://policies/team-a/../secret", False),
        ("s3://policies", False),
        ("ssm:/policies", False),
        ("ssm:/secret", False),
        ("/etc/passwd", False),
        ("", False),
    ],
)
def test_an_event_may_name_a_policy_among_those_that_are_listed(source: str, *, allowed: bool) -> None:
    settings = Settings.from_env({f"{PREFIX}POLICIES": ALLOWED, f"{PREFIX}POLICY": "s3://policies/default.yaml"})
    assert settings.allows_policy(source) is allowed


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("s3://reports/policies/dev.yaml", True),
        ("s3://reports/sweeps/dt=2026-11-23/sweep=20261123T190000Z-7f3a9c/policy.yaml", False),
        ("s3://reports/sweeps/", False),
        ("s3://reports/doctor/dt=2026-11-23/20261123T060000Z-test.json", False),
        ("s3://reports/index/sweeps.json", False),
        ("s3://reports-of-others/sweeps/dev.yaml", False),
    ],
)
def test_no_event_names_a_policy_where_the_hub_itself_writes(source: str, *, allowed: bool) -> None:
    settings = Settings.from_env({f"{PREFIX}POLICIES": "s3://reports/*", f"{PREFIX}REPORT_BUCKET": "reports"})
    assert settings.allows_policy(source) is allowed


def test_every_policy_that_is_named_where_sweeps_write_is_refused_at_once() -> None:
    here = {f"{PREFIX}REPORT_BUCKET": "reports", f"{PREFIX}POLICIES": "s3://reports/sweeps/*, s3://policies/*"}
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**here, f"{PREFIX}POLICY": "s3://reports/sweeps/mine.yaml"})
    first, second = str(refused.value).splitlines()
    assert first.startswith("STOP_ORCHESTRATOR_POLICY='s3://reports/sweeps/mine.yaml': is below sweeps/")
    assert second.startswith("STOP_ORCHESTRATOR_POLICIES='s3://reports/sweeps/*': is below sweeps/")
    with pytest.raises(SettingsError, match="is below doctor/ of the report bucket"):
        Settings.from_env({f"{PREFIX}REPORT_BUCKET": "reports"}, (), policy="s3://reports/doctor/mine.yaml")
    with pytest.raises(SettingsError, match="is below sweeps/ of the report bucket"):
        Settings.from_env({f"{PREFIX}REPORT_BUCKET": "reports"}, (), policy="s3://reports/sweeps/mine.yaml")


def test_without_a_list_an_event_may_name_the_policy_of_the_settings_and_never_a_path() -> None:
    assert Settings(policy="ssm:/policy").allowed_policies == ("ssm:/policy",)
    assert Settings(policy="config/policy.yaml").allowed_policies == Settings().allowed_policies == ()
    assert not Settings(policy="config/policy.yaml").allows_policy("config/policy.yaml")


@pytest.mark.parametrize(
    "entry", ["*", "s3://*", "s3://bucket*", "ssm:*", "ssm:/*", "config/policy.yaml", "/etc/*", "a"]
)
def test_a_list_that_would_allow_a_path_a_foreign_bucket_or_everything_is_refused(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"POLICIES=.*must be s3://bucket/key or ssm:/name"):
        Settings.from_env({f"{PREFIX}POLICIES": f"s3://bucket/a, {entry}"})


def test_neither_the_environment_of_the_process_nor_a_file_is_read_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{PREFIX}STORE=from-a-file\n")
    monkeypatch.setenv(f"{PREFIX}MODE", "enforce")
    for settings in (Settings(), Settings.from_env({})):
        assert (settings.mode, settings.store) == (None, DEFAULT_STORE)


def test_a_variable_in_small_letters_is_not_ours_and_never_lets_a_sweep_act() -> None:
    environment = {f"{PREFIX}MODE": "plan", f"{PREFIX}MODE".lower(): "enforce"}
    assert Settings.from_env(environment).mode is Mode.PLAN


@pytest.mark.parametrize("limit", [None, Mode.PLAN, Mode.APPROVE, Mode.ENFORCE])
@pytest.mark.parametrize("mode", Mode)
def test_a_mode_beyond_the_one_that_is_set_is_refused_by_the_name_of_the_setting(
    limit: Mode | None, mode: Mode
) -> None:
    settings = Settings.from_env({f"{PREFIX}MODE": limit.value} if limit else {})
    allowed = {
        None: set(Mode),
        Mode.PLAN: {Mode.PLAN},
        Mode.APPROVE: {Mode.PLAN, Mode.APPROVE},
        Mode.ENFORCE: set(Mode),
    }[limit]
    if mode in allowed:
        settings.refuse_mode(mode)
        return
    with pytest.raises(SettingsError, match=f"the mode '{mode}' is refused: {PREFIX}MODE is '{limit}'"):
        settings.refuse_mode(mode)


def test_where_no_mode_is_set_the_caller_says_what_that_means() -> None:
    with pytest.raises(SettingsError, match=f"{PREFIX}MODE is not set, which means 'plan' here"):
        Settings().refuse_mode(Mode.APPLY, unset=Mode.PLAN)
    Settings(mode=Mode.ENFORCE).refuse_mode(Mode.APPLY, unset=Mode.PLAN)
