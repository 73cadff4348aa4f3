"""A template from its parts, and what is said where the parts make none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudformation import assemble as assembling
from cloudformation.assemble import HUB, assemble, main, read_source
from cloudformation.nodes import TemplateError
from tests.support.cloudformation import parse

ALARMS = """\
# Why these are together.
Parameters:
  Mail: {Type: String, AllowedPattern: "^[^@]+@[^@]+$"}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "${Mail} hears", KmsMasterKeyId: !If [HasKey, !Ref Key, !Ref AWS::NoValue]}
"""
ZONES = """\
AWSTemplateFormatVersion: "2010-09-09"
Description: Two parts.
Conditions:
  HasKey: !Not [!Equals [!Ref Key, ""]]
Parameters:
  Key: {Type: String, Default: ""}
Resources:
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardBody: |
        {"widgets": []}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "alarms.yaml").write_text(ALARMS)
    (tmp_path / "zones.yaml").write_text(ZONES)
    return tmp_path


def test_the_sections_of_all_parts_are_one_template_with_its_functions(folder: Path) -> None:
    alarms, zones = parse(ALARMS), parse(ZONES)
    assembled = assemble(folder)
    assert "!Sub" in assembled
    assert parse(assembled) == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Two parts.",
        "Parameters": alarms["Parameters"] | zones["Parameters"],
        "Conditions": zones["Conditions"],
        "Resources": alarms["Resources"] | zones["Resources"],
    }


def test_sections_have_one_order_and_what_is_in_them_the_order_of_the_files(folder: Path) -> None:
    template = parse(assemble(folder))
    assert list(template) == ["AWSTemplateFormatVersion", "Description", "Parameters", "Conditions", "Resources"]
    assert list(template["Parameters"]) == ["Mail", "Key"]


def test_the_same_parts_are_the_same_bytes_in_whatever_order_they_were_written(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name, text in (("zones.yaml", ZONES), ("alarms.yaml", f"# Another comment.\n{ALARMS}")):
        (other / name).write_text(text)
    assert assemble(other) == assemble(folder) == assemble(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n", "more.yaml:2: Topic is declared in alarms.yaml:5 already"),
        ("Parameters:\n  A: {}\n  A: {}\n", "more.yaml:3: A is declared in more.yaml:2 already"),
        ("Outputs: {}\nOutputs: {}\n", "more.yaml:2: Outputs is declared in more.yaml:1 already"),
        ("Description: Another one.\n", "zones.yaml:2: Description is set in more.yaml:1 already"),
        ("Transform: AWS::Serverless-2016-10-31\n", "more.yaml:1: Transform is no section of a part"),
        ("resources: {}\n", "more.yaml:1: resources is no section of a part"),
        ("Resources:\n  - Topic\n", "more.yaml:2: Resources has names and what they stand for; this has none"),
        ("# nothing\n", "more.yaml: a part has sections"),
        ("- Resources\n", "more.yaml: a part has sections"),
        ("Resources: {\n", "more.yaml is no YAML"),
    ],
)
def test_what_makes_no_template_is_refused_with_its_place(folder: Path, text: str, told: str) -> None:
    (folder / "more.yaml").write_text(text)
    with pytest.raises(TemplateError) as refused:
        assemble(folder)
    assert str(refused.value).startswith(told)


def test_a_folder_without_resources_makes_no_template(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no file there has Resources"):
        assemble(tmp_path)


def test_more_than_cloudformation_takes_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "MAX_BYTES", 100)
    with pytest.raises(TemplateError, match=r"\d{3} bytes, of which CloudFormation takes 100"):
        assemble(folder)


def test_a_template_of_one_file_is_taken_as_it_is(folder: Path) -> None:
    assert read_source(folder / "alarms.yaml") == ALARMS
    assert read_source(folder) == assemble(folder)


def test_the_hub_s_template_is_written_for_linters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "dist" / "hub.yaml"
    assert main(["--dist", str(written.parent)]) == 0
    assert capsys.readouterr().out == f"{written}\n"
    assert written.read_text() == assemble(HUB)


def test_parts_that_make_no_template_are_told_and_nothing_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.yaml").write_text("Description: Another one.\n")
    monkeypatch.setattr(assembling, "HUB", folder)
    assert main(["--dist", str(folder / "dist")]) == 1
    assert "Description is set in more.yaml:1 already" in capsys.readouterr().err
    assert not (folder / "dist").exists()
