"""`accept` of a rule: words that its kinds declare for what their stops lose, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import LossWord
from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.policy.loading import dump_policy
from orchestrator.kinds.ec2.description import EC2
from tests.support.policies import DATABASES, HEAD, load, the_problem

NOTEBOOKS = replace(DATABASES, name="notebook", words=(), losses=(LossWord("disk", "disk", must_be_accepted=True),))
PLAIN = replace(DATABASES, losses=())
KINDS = (EC2, NOTEBOOKS, PLAIN)


def a_rule(accept: str, kinds: str = "[ec2]") -> str:
    return f"rules:\n  - name: one\n    where: everything\n    kinds: {kinds}\n    accept: {accept}\n"


def test_a_rule_accepts_what_its_kinds_lose() -> None:
    (rule,) = load(HEAD + a_rule("[mac, disk]", "[ec2, notebook]"), kinds=KINDS).rules
    assert rule.accept == {"mac", "disk"}


@pytest.mark.parametrize("body", ["rules: [{name: one, where: everything}]", a_rule("[]")])
def test_a_rule_accepts_nothing_unless_it_says_so(body: str) -> None:
    (rule,) = load(HEAD + body).rules
    assert rule.accept == frozenset()


def test_it_is_kept_in_the_documents_text() -> None:
    policy = load(HEAD + a_rule("[mac]"))
    assert load(dump_policy(policy)).rules == policy.rules


MUST_BE = "must be 'instance_store_volumes', 'mac' or 'disk', not"


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("[macs]", f"{MUST_BE} 'macs'; did you mean 'mac'?"),
        ("[instance_store]", f"{MUST_BE} 'instance_store'; did you mean 'instance_store_volumes'?"),
        ("[public_ipv4]", f"{MUST_BE} 'public_ipv4'"),
        ("[true]", f"{MUST_BE} true"),
        ("[disk]", "`disk` is lost by stops of notebook, and not of ec2"),
    ],
)
def test_a_word_that_none_of_its_kinds_has_is_a_mistake_with_the_nearest(accept: str, message: str) -> None:
    path, line, told = the_problem(a_rule(accept), KINDS)
    assert (path, line, told.replace("this entry ", "")) == ("rules[0].accept[0]", 5, message)


def test_a_rule_whose_kinds_lose_nothing_has_nothing_to_accept() -> None:
    _, _, message = the_problem(a_rule("[mac]", "[rds]"), KINDS)
    assert message == "`mac` is lost by stops of ec2, and not of rds"
    _, _, message = the_problem(a_rule("[mac]", "[rds]"), (PLAIN,))
    assert message == "must not be here: there is nothing to name"


def test_what_is_no_list_is_a_mistake() -> None:
    assert the_problem(a_rule("mac"))[::2] == ("rules[0].accept", "must be a list, not 'mac'")


def test_the_schema_has_the_words_of_every_kind() -> None:
    validator = Draft202012Validator(policy_json_schema(KINDS))
    rule = {"name": "one", "where": "everything"}
    for accept, is_valid in (["mac", "disk"], True), ([], True), (["macs"], False), (["public_ipv4"], False):
        document = {"version": 1, "name": "nonprod", "rules": [{**rule, "accept": accept}]}
        assert validator.is_valid(document) is is_valid
