"""Every word of the `where` language, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.core.model import KindDescription
from orchestrator.core.policy.conditions.account import ACCOUNT
from orchestrator.core.policy.conditions.account_tag import ACCOUNT_TAG
from orchestrator.core.policy.conditions.all_of import ALL
from orchestrator.core.policy.conditions.any_of import ANY
from orchestrator.core.policy.conditions.fact import fact_words
from orchestrator.core.policy.conditions.idle import idle_word
from orchestrator.core.policy.conditions.interface import Word
from orchestrator.core.policy.conditions.not_of import NOT
from orchestrator.core.policy.conditions.organizational_unit import ORGANIZATIONAL_UNIT
from orchestrator.core.policy.conditions.region import REGION
from orchestrator.core.policy.conditions.tag import TAG

_WORDS = (
    ALL,
    ANY,
    NOT,
    TAG,
    ACCOUNT_TAG,
    ACCOUNT,
    ORGANIZATIONAL_UNIT,
    REGION,
)  # in the order of the reference and of error messages


def words_of(kinds: Sequence[KindDescription]) -> Mapping[str, Word]:
    """Those for every resource, then those that the kinds declare, by name.

    Raises ValueError for a kind that declares a word that is taken: a rule would mean something else without saying so.
    """
    general = {word.name: word for word in _WORDS}
    general |= {word.name: word for word in idle_word(kinds)}
    declared = {word.name: word for word in fact_words(kinds)}
    taken = general.keys() & declared.keys()
    if taken:
        raise ValueError(f"kinds cannot declare the conditions {', '.join(sorted(taken))}: they hold for every kind")
    return {**general, **declared}
