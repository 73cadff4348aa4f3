"""`config/deploy.env`: what a line means, and that what is written is read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudformation.env_file import Problem, line_of, read_env
from orchestrator.errors import SettingsError


def read(folder: Path, text: str) -> tuple[dict[str, str], list[str]]:
    path = folder / "deploy.env"
    path.write_text(text)
    env = read_env(path)
    return dict(env.values), [one.removeprefix(f"{path}:") for one in env.tell([])]


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    text = "# why\n\nMode = plan\nWhen='cron(0 20 * * ? *)'\nEmpty=\nMode=enforce\nnonsense\n"
    values, problems = read(tmp_path, text)
    assert values == {"Mode": "plan", "When": "cron(0 20 * * ? *)"}
    assert problems == ["6: Mode is there twice, first in line 3", "7: this line is not of the form Name=value"]


def test_no_value_is_no_line_and_two_quotes_are_the_empty_value(tmp_path: Path) -> None:
    assert read(tmp_path, "A=\nB=\"\"\nC=''\n") == ({"B": "", "C": ""}, [])


@pytest.mark.parametrize("value", ["enforce # tonight", "# tonight", "'enforce' # tonight"])
def test_a_comment_behind_a_value_is_refused_and_never_a_part_of_it(tmp_path: Path, value: str) -> None:
    values, [problem] = read(tmp_path, f"\nMode={value}")
    assert values == {}
    assert problem == "2: Mode: a comment has a line of its own; quote a value with a # in it"


def test_a_missing_file_says_what_to_copy_and_a_binary_one_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"copy config/deploy\.env\.example"):
        read_env(tmp_path / "none.env")
    (tmp_path / "deploy.env").write_bytes(b"Mode=\xff")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        read_env(tmp_path / "deploy.env")


def test_mistakes_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "deploy.env"
    path.write_text("B=1\nnonsense\nA=1\nB=2\n")
    told = read_env(path).tell([Problem("C", "C is missing"), Problem("A", "A: no"), Problem("B", "B: no")])
    assert [one.removeprefix(str(path)) for one in told] == [
        ":1: B: no",
        ":2: this line is not of the form Name=value",
        ":3: A: no",
        ":4: B is there twice, first in line 1",
        ": C is missing",
    ]


VALUES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])) | st.sampled_from(
    ["", " ", "a # b", "#", "'", "''", '"', "'a'", "cron(0 20 * * ? *)", "a, b", "a=b", " a", "\ta", "\x85", "\u2028a"]
)


@given(VALUES)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    path = tmp_path_factory.getbasetemp() / "written.env"
    path.write_text(f"{line_of('Name', value)}\nNext=1\n", encoding="utf-8")
    env = read_env(path)
    assert (env.values, env.problems) == ({"Name": value, "Next": "1"}, ())


@pytest.mark.parametrize("value", ["a\nMode=enforce", "a\r"])
def test_a_value_of_several_lines_is_not_written(value: str) -> None:
    with pytest.raises(ValueError, match="several lines"):
        line_of("Name", value)
