"""`import instance-scheduler`: its forms, its options and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fixtures import Run

PAGE = Path(__file__).parents[2] / "docs/from-instance-scheduler.md"
SCHEDULES = Path(__file__).parents[1] / "data/imports/instance_scheduler"


def test_schedules_of_instance_scheduler_become_a_policy_that_validates(run: Run, tmp_path: Path) -> None:
    made = tmp_path / "policy.yaml"
    ran = run("import", "instance-scheduler", str(SCHEDULES / "sample.json"), "--output", str(made))
    assert ran.exit_code == 3
    assert not ran.stdout
    for text in (
        "sample.json line what why",
        "23 that stopped never runs",
        "4 rules active, 3 rules written as a comment",
    ):
        assert text in " ".join(ran.stderr.split())
    assert run("validate", str(made)).exit_code == 0
    assert "name: policy" not in made.read_text()
    assert "name: sample" in made.read_text()


def test_what_is_wholly_carried_over_ends_with_0(run: Run, tmp_path: Path) -> None:
    schedules = tmp_path / "schedules.json"
    more = '"Enforced": true, "UseMaintenanceWindow": false, "OverrideStatus": "stopped"'
    schedules.write_text(f'{{"Schedules": [{{"Name": "never", {more}}}]}}')
    ran = run("import", "instance-scheduler", str(schedules), "--tag-key", "Hours", "--account", "111122223333")
    assert (ran.exit_code, ran.stderr.split(".")[0]) == (0, "1 rule active")
    for text in ("tag: {Hours: never}", "account: ['111122223333']", "kinds: [ec2, rds]"):
        assert text in ran.stdout


def test_several_files_and_the_stacks_zone(run: Run, tmp_path: Path) -> None:
    schedules, periods = tmp_path / "schedules.json", tmp_path / "periods.json"
    schedules.write_text('{"Schedules": [{"Name": "day", "Periods": ["day"]}]}')
    periods.write_text('{"Periods": [{"Name": "day", "Begintime": "08:00", "Endtime": "20:00"}]}')
    files = (str(schedules), str(periods))
    ran = run("import", "instance-scheduler", *files, "--default-timezone", "Europe/Berlin")
    assert "timezone: Europe/Berlin" in ran.stdout
    assert "DB instances of day" in " ".join(ran.stderr.split())
    without = run("import", "instance-scheduler", *files)
    assert "NOTHING IS STOPPED" in without.stdout
    assert "--default-timezone" in without.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--default-timezone", "Europe/Berlim", "--default-timezone: 'Europe/Berlim'"),
        ("--account", "1234", "--account: '1234' is no account id"),
        ("--tag-key", "", "--tag-key: a tag's key has 1 to 128 characters"),
    ],
)
def test_options_of_instance_scheduler_that_make_no_sense_end_it_with_2(
    run: Run, option: str, value: str, said: str
) -> None:
    ran = run("import", "instance-scheduler", str(SCHEDULES / "sample.json"), option, value)
    assert ran.exit_code == 2
    assert said in ran.stderr
