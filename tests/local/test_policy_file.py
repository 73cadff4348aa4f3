"""A policy's file: its text, or one sentence that says what is wrong with it, in bounded memory."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from orchestrator.errors import SettingsError
from orchestrator.local.policy_file import MOST_BYTES, as_text, read_policy_file

TEXT = "version: 1\nname: nächtlich\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (TEXT.encode("utf-16"), "it is text in UTF-16; save it as UTF-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "it is text in UTF-16; save it as UTF-8"),
        (TEXT.encode("utf-32"), "it is text in UTF-32; save it as UTF-8"),
        (TEXT.encode("latin-1"), r"it is no UTF-8 text \(line 2: invalid .*\); save it as UTF-8"),
        (b"a" * (MOST_BYTES + 1), "it is larger than 10 MB, which no policy needs"),
    ],
)
def test_what_is_no_policys_text_is_told(content: bytes, why: str) -> None:
    with pytest.raises(SettingsError, match=f"the policy p.yaml cannot be read: {why}$"):
        as_text("p.yaml", content)


def test_of_a_file_of_any_size_no_more_is_read_than_a_policy_may_have(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    with path.open("wb") as file:
        file.truncate(10**12)  # without a byte on the disk
    with pytest.raises(SettingsError, match="larger than 10 MB"):
        read_policy_file(str(path))


def test_a_byte_order_mark_of_utf_8_stays(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(TEXT.encode("utf-8-sig"))
    assert read_policy_file(str(path)) == "\ufeff" + TEXT
