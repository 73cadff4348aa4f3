"""`validate` of several policies: each by itself, and what two of them own both."""

from __future__ import annotations

from pathlib import Path

from tests.support.fixtures import Run

HEAD = "version: 1\nname: {name}\nguardrails: {{max_stops: 10}}\n"
DEV = "rules:\n  - {name: dev, where: {tag: {Environment: dev}}}\n"
ALL = "rules:\n  - {name: all, where: everything}\n"


def written(folder: Path, name: str, body: str, policy_name: str = "") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(f"{HEAD.format(name=policy_name or name)}{body}")
    return str(path)


def test_each_is_told_as_by_itself_and_without_an_overlap_it_exits_0(run: Run, tmp_path: Path) -> None:
    a = written(tmp_path, "team-a", f"organization: {{include: [/A]}}\n{DEV}")
    b = written(tmp_path, "team-b", f"organization: {{include: [/B]}}\n{ALL}")
    ran = run("validate", a, b)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout == f"{a}: policy team-a is valid: 1 rule\n{b}: policy team-b is valid: 1 rule\n"


def test_two_rules_that_own_the_same_are_one_line_with_the_places_of_both_and_exit_3(run: Run, tmp_path: Path) -> None:
    a, b = written(tmp_path, "team-a", DEV), written(tmp_path, "team-b", ALL)
    ran = run("validate", a, b)
    assert (ran.exit_code, ran.stderr) == (3, "")
    line = ran.stdout.splitlines()[-1]
    assert line.startswith(f"{a}:5: rules[0]: rule dev of policy team-a and rule all of policy team-b ({b}:5) own the")
    assert "such as ec2 in /, with the tag Environment=dev, in region us-east-1: both policies keep it" in line
    assert "until one of them excludes it: an OU, account or region in its scope, or a `not:` in" in line


def test_rules_that_may_meet_are_not_named(run: Run, tmp_path: Path) -> None:
    a = written(tmp_path, "team-a", DEV)
    assert run("validate", a, written(tmp_path, "team-b", DEV.replace("Environment: dev", "Team: b"))).exit_code == 0


def test_as_json_there_is_one_document_of_all(run: Run, tmp_path: Path) -> None:
    a, b = written(tmp_path, "team-a", DEV), written(tmp_path, "team-b", ALL)
    ran = run("validate", a, b, "--format", "json")
    assert (ran.exit_code, ran.stderr, ran.report["valid"]) == (3, "", True)
    assert [(one["source"], one["name"], one["valid"]) for one in ran.report["policies"]] == [
        (a, "team-a", True),
        (b, "team-b", True),
    ]
    (overlap,) = ran.report["overlaps"]
    assert overlap["rules"] == [
        {"source": a, "line": 5, "path": "rules[0]", "policy": "team-a", "rule": "dev"},
        {"source": b, "line": 5, "path": "rules[0]", "policy": "team-b", "rule": "all"},
    ]
    assert overlap["message"].startswith("rule dev of policy team-a and rule all of policy team-b")


def test_two_policies_of_one_name_are_a_mistake(run: Run, tmp_path: Path) -> None:
    a, b = written(tmp_path, "team-a", DEV), written(tmp_path, "team-b", DEV, "team-a")
    ran = run("validate", a, b)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == f"{b}:2: name: the policy name 'team-a' is taken by {a}:2; names are unique in a hub\n"


def test_every_mistake_of_all_of_them_is_told_at_once(run: Run, tmp_path: Path) -> None:
    a = written(tmp_path, "team-a", f"{DEV}surprise: 1\n")
    b, gone = written(tmp_path, "team-b", "rules: 1\n"), str(tmp_path / "gone.yaml")
    good = written(tmp_path, "team-c", ALL)
    ran = run("validate", a, b, gone, good)
    assert (ran.exit_code, ran.stdout) == (2, "")
    first, second, third = ran.stderr.splitlines()
    assert (first.startswith(f"{a}:6: surprise: "), second.startswith(f"{b}:4: rules: ")) == (True, True)
    assert third == f"the policy {gone} cannot be read: No such file or directory"
    ran = run("validate", a, b, gone, good, "--format", "json")
    assert (ran.exit_code, ran.report["valid"]) == (2, False)
    assert [(one["source"], one["valid"], len(one["problems"])) for one in ran.report["policies"]] == [
        (a, False, 1),
        (b, False, 1),
        (gone, False, 1),
        (good, True, 0),
    ]


def test_one_of_them_may_be_standard_input(run: Run, tmp_path: Path) -> None:
    a = written(tmp_path, "team-a", DEV)
    ran = run("validate", a, "-", typed=f"{HEAD.format(name='team-b')}{ALL}")
    assert ran.exit_code == 3
    assert "policy team-b (<stdin>:5) own the same" in ran.stdout
