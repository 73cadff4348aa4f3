"""A policy document that is a file of this machine."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import SettingsError


def is_file(source: str) -> bool:
    """Whether it names a file, and nothing in AWS."""
    return not source.startswith(("s3://", "ssm:"))


def read_policy_file(source: str) -> str:
    """Its text: the very bytes, since the report has their SHA-256. Raises SettingsError."""
    try:
        return as_text(source, Path(source).read_bytes())
    except OSError as failure:
        raise SettingsError(f"the policy {source} cannot be read: {failure.strerror or failure}") from failure


def as_text(source: str, content: bytes) -> str:
    """Raises SettingsError for what is no text."""
    try:
        return content.decode()
    except UnicodeDecodeError as binary:
        raise SettingsError(f"the policy {source} cannot be read: it is no UTF-8 text ({binary.reason})") from None
