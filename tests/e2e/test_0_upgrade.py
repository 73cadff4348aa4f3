"""The version before is deployed, then upgraded by the same command: nothing that was kept is lost."""

from __future__ import annotations

import base64
import hashlib

from tests.e2e.deployment import FUNCTION, Deployment, Upgrade


def test_an_upgrade_finds_the_bucket_the_table_and_the_kill_switch_as_they_were(upgrade: Upgrade) -> None:
    assert upgrade.found == upgrade.left
    assert upgrade.left.kill_switch_value == "stop"
    assert (
        len(upgrade.left.items) == 4
    )  # a record, the policy's active version and its place in the list, the kill switch


def test_an_upgrade_replaces_no_resource(deployment: Deployment, upgrade: Upgrade) -> None:
    upgraded = deployment.resources()
    assert {name: upgraded.get(name) for name in upgrade.resources} == upgrade.resources


def test_an_upgrade_brings_the_new_code(deployment: Deployment, upgrade: Upgrade) -> None:
    """Without which there was nothing to upgrade."""
    deployed = deployment.emulator.client("lambda").get_function_configuration(FunctionName=FUNCTION)["CodeSha256"]
    assert base64.b64decode(deployed) == hashlib.sha256(deployment.package.read_bytes()).digest()
    assert upgrade.code != deployed


def test_the_template_went_up_by_its_url(deployment: Deployment) -> None:
    [bucket] = deployment.artifact_buckets()
    listed = deployment.emulator.client("s3").list_objects_v2(Bucket=bucket, Prefix="templates/hub-")["Contents"]
    assert len(listed) == 2  # the earlier one and this one
