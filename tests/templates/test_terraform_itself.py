"""The module as Terraform itself evaluates it, where it is installed; tests/support/terraform.py reads it alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cloudformation.terraform_module import module_files
from tests.support.cloudformation import ACCOUNT, KEY, ORGANIZATION, PARTITION, resolved, text_of

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed"),
]
LITERALS = {
    "data.aws_caller_identity.current.account_id": json.dumps(ACCOUNT),
    "data.aws_partition.current.partition": json.dumps(PARTITION),
}
NEEDED = {"hub_account_id": ACCOUNT, "organization_id": ORGANIZATION}


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """The module without its provider, which would have to be downloaded: what it would hand to AWS are outputs."""
    files = module_files(text_of("member-role"))
    text = files["main.tf.json"]
    for name, literal in LITERALS.items():
        text = text.replace(name, json.dumps(literal)[1:-1])
    main = json.loads(text)
    resources = main.pop("resource")
    documents = {"trust": resources["aws_iam_role"]["member"]["assume_role_policy"]}
    for name, one in resources["aws_iam_role_policy"].items():
        count, policy = one.get("count", "${1}")[2:-1], one["policy"][2:-1]
        documents[name] = f"${{({count}) == 0 ? null : {policy}}}"
    outputs = {name: {"value": value, "sensitive": True} for name, value in documents.items()}
    (tmp_path / "main.tf.json").write_text(json.dumps({"locals": main["locals"], "output": outputs}))
    (tmp_path / "variables.tf.json").write_text(files["variables.tf.json"])
    terraform(tmp_path, "init")
    return tmp_path


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    command = ["terraform", f"-chdir={folder}", *arguments, "-no-color"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def given(folder: Path, **variables: Any) -> None:
    (folder / "given.auto.tfvars.json").write_text(json.dumps({**NEEDED, **variables}))


@pytest.mark.parametrize(
    ("mode", "external_id", "keys"),
    [("enforce", "an-external-id", [KEY, f"{KEY[:-1]}1"]), ("plan", "", []), ("disabled", "an-external-id", [])],
)
def test_terraform_makes_the_documents_of_the_template(
    module: Path, mode: str, external_id: str, keys: list[str]
) -> None:
    given(module, mode=mode, external_id=external_id, volume_key_arns=keys, tag_keys=["Owner-missing"])
    applied = terraform(module, "apply", "-auto-approve")
    assert applied.returncode == 0, applied.stderr
    outputs = json.loads(terraform(module, "output", "-json").stdout)
    made = {name: json.loads(one["value"]) for name, one in outputs.items() if one["value"]}
    parameters = {"Mode": mode, "ExternalId": external_id, "VolumeKeyArns": ",".join(keys), "TagKeys": "Owner-missing"}
    role = resolved("member-role", **parameters)["Resources"]["MemberRole"]["Properties"]
    assert made.pop("trust") == role["AssumeRolePolicyDocument"]
    assert made == {one["PolicyName"].replace("-", "_"): one["PolicyDocument"] for one in role["Policies"]}


@pytest.mark.parametrize(
    ("name", "value"), [("hub_account_id", "12"), ("external_id", "x" * 1225), ("volume_key_arns", ["key"])]
)
def test_terraform_refuses_what_the_template_refuses(module: Path, name: str, value: Any) -> None:
    given(module, **{name: value})
    refused = terraform(module, "plan")
    assert (refused.returncode, name in refused.stderr) == (1, True)


def test_terraform_takes_the_longest_external_id(module: Path) -> None:
    given(module, external_id="x" * 1224)
    assert terraform(module, "plan").returncode == 0
