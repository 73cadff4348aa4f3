"""Every word of the `where` language, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.core.policy.conditions.account import ACCOUNT
from orchestrator.core.policy.conditions.account_name import ACCOUNT_NAME
from orchestrator.core.policy.conditions.account_tag import ACCOUNT_TAG
from orchestrator.core.policy.conditions.age import age_word
from orchestrator.core.policy.conditions.all_of import ALL
from orchestrator.core.policy.conditions.any_of import ANY
from orchestrator.core.policy.conditions.condition import CONDITION
from orchestrator.core.policy.conditions.fact import fact_words
from orchestrator.core.policy.conditions.idle import idle_word
from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.not_of import NOT
from orchestrator.core.policy.conditions.organizational_unit import ORGANIZATIONAL_UNIT
from orchestrator.core.policy.conditions.region import REGION
from orchestrator.core.policy.conditions.running_for import running_for_word
from orchestrator.core.policy.conditions.tag import TAG

if TYPE_CHECKING:
    from orchestrator.core.model import KindDescription

_WORDS = (
    ALL,
    ANY,
    NOT,
    CONDITION,
    TAG,
    ACCOUNT_TAG,
    ACCOUNT,
    ACCOUNT_NAME,
    ORGANIZATIONAL_UNIT,
    REGION,
)  # in the order of the reference and of error messages


def words_of(kinds: Sequence[KindDescription]) -> Mapping[str, Word]:
    """Those for every resource, those about times that some kinds tell, then those that the kinds declare, by name.

    Raises ValueError for a kind that declares a word that is taken: a rule would mean something else without saying so.
    """
    spans = (word for word in (age_word(kinds), running_for_word(kinds)) if word.kinds)
    general = {word.name: word for word in (*_WORDS, *spans)}
    general |= {word.name: word for word in idle_word(kinds)}
    declared = {word.name: word for word in fact_words(kinds)}
    taken = general.keys() & declared.keys()
    if taken:
        raise ValueError(f"kinds cannot declare the conditions {', '.join(sorted(taken))}: they hold for every kind")
    return {**general, **declared}
