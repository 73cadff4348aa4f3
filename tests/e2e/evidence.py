"""What an upgrade of the hub must find again: left there under one version, looked for under the next."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.server import Emulator

_KEY, _CONTENT = "sweeps/dt=2026-01-01/sweep=earlier/report.json", b'{"sweep_id": "earlier"}'
_ITEM = {"PK": {"S": "SWEEP#earlier"}, "SK": {"S": "TARGET#111111111111#eu-central-1"}, "status": {"S": "scanned"}}


@dataclass(frozen=True)
class Evidence:
    """By the stack's outputs, and what was read in the places that they name."""

    bucket: str
    table: str
    kill_switch: str
    report: bytes
    items: list[dict[str, dict[str, str]]]
    kill_switch_value: str
    kill_switch_version: int
    """How often it was written."""


def leave_evidence(emulator: Emulator, outputs: dict[str, str]) -> None:
    """A report, a record, and a kill switch that somebody pulled."""
    emulator.client("s3").put_object(Bucket=outputs["ReportBucketName"], Key=_KEY, Body=_CONTENT)
    emulator.client("dynamodb").put_item(TableName=outputs["TableName"], Item=_ITEM)
    _set_kill_switch(emulator, outputs, "stop")


def find_evidence(emulator: Emulator, outputs: dict[str, str]) -> Evidence:
    bucket, table, name = (outputs[key] for key in ("ReportBucketName", "TableName", "KillSwitchName"))
    switch = emulator.client("ssm").get_parameter(Name=name)["Parameter"]
    return Evidence(
        bucket,
        table,
        name,
        emulator.client("s3").get_object(Bucket=bucket, Key=_KEY)["Body"].read(),
        emulator.client("dynamodb").scan(TableName=table)["Items"],
        switch["Value"],
        switch["Version"],
    )


def release_kill_switch(emulator: Emulator, outputs: dict[str, str]) -> None:
    _set_kill_switch(emulator, outputs, "go")


def _set_kill_switch(emulator: Emulator, outputs: dict[str, str], value: str) -> None:
    emulator.client("ssm").put_parameter(Name=outputs["KillSwitchName"], Value=value, Overwrite=True)
