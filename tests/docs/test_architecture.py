"""docs/architecture.md is true to the code: its paths, its floors, its lists of files; so is the glossary."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import pytest

from orchestrator.core.model import KindDescription, TargetStatus, Verdict
from orchestrator.core.model.resource import ResourceState
from orchestrator.kinds.registry import DESCRIPTIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
EXAMPLES = {"<kind>": "rds", "<service>": "rds", "<word>": "region", "<form>": "csv"}
LISTS = {"kind": "rds", "condition": "region", "report form": "csv"}
# How code and templates name the example where they mean it.
MENTIONS = {
    "kind": r'"rds"|`rds`|\brds:\w',
    "condition": r"conditions\.region\b",
    "report form": r'report\.csv import|"\w+\.csv"|= "csv"',
}
OTHER_KINDS = {description.name for description in DESCRIPTIONS} - {LISTS["kind"]}
_FILE = re.compile(r"[\w.<>-]+\.(?:py|yaml|toml|md|example)")


def example_of(path: str) -> str:
    for placeholder, example in EXAMPLES.items():
        path = path.replace(placeholder, example)
    return path


def paths_in(text: str) -> list[str]:
    """What stands in backticks and is a path: it has a slash, or it is a file of the top level."""
    quoted = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    return [one for one in quoted if "/" in one or _FILE.fullmatch(one)]


def steps_of(what: str) -> list[str]:
    """The paths that the list for adding one names, as written there."""
    section = PAGE.split(f"## How to add a {what}\n")[1].split("\n## ")[0]
    items = re.findall(r"^- `([^`]+)`: \S", section, re.MULTILINE)
    assert len(items) == section.count("\n- ")
    return items


def steps_for(kind: KindDescription, *, always: bool = False) -> list[str]:
    """The paths of the list, for this kind; `always`: without what only some have, of which it says "where"."""
    section = PAGE.split("## How to add a kind\n")[1].split("\n## ")[0]
    some = set(re.findall(r"^- `([^`]+)`: where ", section, re.MULTILINE)) if always else set()
    service = kind.arn_form.partition(":")[0]
    steps = [step for step in steps_of("kind") if step not in some]
    return [step.replace("<kind>", kind.name).replace("<service>", service) for step in steps]


def files_below(*folders: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def text_of(file: str) -> str:
    return (ROOT / file).read_text()


def files_named_after(example: str, *folders: str) -> set[str]:
    """Its own files: they, or a folder above them, have its name."""
    names = {example, f"test_{example}"}
    return {file for file in files_below(*folders) if names & {*Path(file).parts, Path(file).stem}}


def not_covered(files: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Files that are neither named nor in a folder of tests that is; a folder of code is listed file by file."""
    named = set(paths)
    folders = tuple(path for path in named if path.startswith("tests/") and path.endswith("/"))
    return sorted(file for file in files if file not in named and not file.startswith(folders))


def test_every_path_of_the_page_exists() -> None:
    paths = paths_in(PAGE)
    assert len(paths) > 50
    missing = [path for path in paths if not (ROOT / example_of(path)).exists()]
    assert missing == []


def test_a_folder_is_written_with_a_slash_at_its_end_and_a_file_without() -> None:
    assert [path for path in paths_in(PAGE) if (ROOT / example_of(path)).is_dir() != path.endswith("/")] == []


def test_every_folder_and_every_top_level_file_of_the_package_is_on_the_map() -> None:
    table = PAGE.split("## Where is what\n")[1].split("\n## ")[0]
    named = {path for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for path in paths_in(row)}
    package = ROOT / "orchestrator"
    folders = {file.parent for file in package.rglob("*.py")} - {package}
    kinds = {package / "kinds" / description.name for description in DESCRIPTIONS}
    expected = {f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders - kinds}
    expected |= {file.relative_to(ROOT).as_posix() for file in package.glob("*.py")}
    assert sorted({*expected, "orchestrator/kinds/<kind>/"} - named) == []


def test_the_floors_are_those_that_the_linter_holds() -> None:
    shown = [block.splitlines() for block in re.findall(r"```floors\n(.*?)```", PAGE, re.DOTALL)]
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    assert shown == [contract["layers"] for contract in contracts if contract["type"] == "layers"]


@pytest.mark.parametrize(
    ("word", "values"), [("coverage", TargetStatus), ("resource state", ResourceState), ("decision", Verdict)]
)
def test_the_glossary_has_every_value_of_the_word(word: str, values: type[StrEnum]) -> None:
    row = re.search(rf"^\| {word} \| (.+) \|$", GLOSSARY, re.MULTILINE)
    assert row is not None
    assert re.findall(r"`(\w+)`", row[1]) == [value.value for value in values]


@pytest.mark.parametrize("what", LISTS)
def test_every_step_of_a_list_is_there_for_the_example(what: str) -> None:
    steps = steps_of(what)
    assert len(steps) == len(set(steps)) > 0
    assert [step for step in steps if not (ROOT / example_of(step)).exists()] == []


@pytest.mark.parametrize(("what", "example"), LISTS.items())
def test_every_shared_file_of_a_list_says_something_about_the_example(what: str, example: str) -> None:
    shared = [step for step in steps_of(what) if step == example_of(step)]
    assert shared
    assert [step for step in shared if example not in text_of(step)] == []


@pytest.mark.parametrize(("what", "example"), LISTS.items())
def test_a_list_leaves_out_no_file_that_has_the_examples_name(what: str, example: str) -> None:
    files = files_named_after(example, "orchestrator", "tests")
    assert files
    assert not_covered(files, map(example_of, steps_of(what))) == []


@pytest.mark.parametrize("what", MENTIONS)
def test_a_list_leaves_out_no_file_of_the_product_that_mentions_the_example(what: str) -> None:
    files = {file for file in files_below("orchestrator", "cloudformation") if re.search(MENTIONS[what], text_of(file))}
    files = {file for file in files if not OTHER_KINDS & {*Path(file).parts, Path(file).stem}}
    assert files
    assert not_covered(files, map(example_of, steps_of(what))) == []


def test_the_list_for_a_kind_has_every_file_of_the_newest_kind() -> None:
    newest = DESCRIPTIONS[-1]
    files = files_below(f"orchestrator/kinds/{newest.name}", f"tests/kinds/{newest.name}")
    assert not_covered(files, steps_for(newest)) == []


def test_the_list_for_a_kind_leaves_out_no_file_that_names_the_newest_kind() -> None:
    """Nor one of the support that tests of every kind go by; tests themselves may take any kind as their example."""
    newest = DESCRIPTIONS[-1]
    folders = ("orchestrator", "cloudformation", "config", "docs", "tests/support", "tests/templates")
    texts = {file: text_of(file) for file in files_below(*folders) if not file.startswith("docs/pictures/")}
    naming = [file for file, text in texts.items() if re.search(rf"\b{newest.name}\b", text)]
    assert not_covered(naming, steps_for(newest)) == []


@pytest.mark.parametrize("kind", DESCRIPTIONS, ids=lambda one: one.name)
def test_every_kind_has_been_added_by_the_list(kind: KindDescription) -> None:
    steps = steps_for(kind, always=True)
    assert [step for step in steps if not (ROOT / step).exists()] == []
    shared = set(steps) & set(steps_of("kind"))
    assert [step for step in sorted(shared) if not re.search(rf"\b{kind.name}\b", text_of(step))] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_who_reads_the_other_pages_is_led_to_this_one(page: str) -> None:
    assert "(docs/architecture.md)" in text_of(page)
