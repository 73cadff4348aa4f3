"""What hypothesis draws from in the tests of the core: policy documents, conditions, windows, tags."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A slow machine is no failure."""

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TAG_KEYS = ("Environment", "Tier", "Owner")
TAG_VALUES = ("dev", "test", "prod", "")
ACCOUNT_IDS = ("111111111111", "222222222222", "333333333333")
OU_PATHS = ("/", "/Dev", "/Dev/Team", "/Developers", "/Prod")
OPT_OUT_VALUES = ("true", "2026-11-22", "2026-11-23", "2026-11-24", "True", "yes", "", "2026-13-01")

_SEPARATORS = ("-", "_", " ", "", "--", "\u2011", "\u00a0", "\u200b", "\u00ad")
_COLONS = (":", "/", ".", " : ", "::", "\uff1a", "\u2236", "\ua789")
_INSIDE = st.sampled_from(["", "", "", "", "-", "_", " ", "_-", "\u00a0", "\u2011", "\u200b"])
"""What is written before a letter, also amid a word: mostly nothing."""
_LOOK_ALIKES = {
    "o": "\u043e\u03bf\u03cc\u041e\u0585\u00f8\u00f6",
    "p": "\u0440\u03c1\u0420\u03a1\u1d18",
    "s": "\u0455\u0405\u0282\ua731\u015b",
    "t": "\u0442\u03c4\u0422\u0163\u0167",
    "e": "\u0435\u03b5\u03ad\u0451\u0395",
    "a": "\u0430\u03b1\u03ac\u0410\u00e5",
    "r": "\u0433\u0413\u0280\u0159\uab47",
    "c": "\u0441\u03f2\u03f9\u0421\u1d04\u00e7",
    "h": "\u04bb\u041d\u0397\u0570\u0127",
    "n": "\u0578\u039d\u03b7\u00f1",
    "u": "\u03c5\u057d\u03cd\u00fc",
    "d": "\u0501\u0111\u13a0",
    "b": "\u0412\u0392\u0180",
    "y": "\u0443\u03a5\u04af\u00fd",
}


@st.composite
def key_spellings(draw: st.DrawFn) -> str:
    """A key that folds to one of ours, or to one below our prefix, and is none of them to the letter."""
    names = ("opt-out", "opt-out-reason", "protected", "stopped-by", "stopped-at", "protect", "exclude", "opt-in")
    exact = f"stop-orchestrator:{draw(st.sampled_from(names))}"
    separators, colons = st.sampled_from(_SEPARATORS), st.sampled_from(_COLONS)
    written = {"-": separators, ":": colons}
    inside = _INSIDE if draw(st.booleans()) else st.just("")
    key = "".join(draw(written[one]) if one in written else draw(inside) + draw(_letters(one)) for one in exact)
    around = st.sampled_from(["", " ", "  ", "\u00a0"])
    return f"{draw(around)}{key}{draw(around)}" if key != exact else key.title()


def _letters(letter: str) -> st.SearchStrategy[str]:
    """The letter, as it is or as somebody may write it."""
    full_width = chr(ord(letter) + 0xFEE0)
    return st.sampled_from([letter, letter, letter.upper(), full_width]) | st.sampled_from(
        _LOOK_ALIKES.get(letter, letter)
    )


@st.composite
def _separated(draw: st.DrawFn, key: str) -> str:
    """The key with other separators, amid its words too."""
    return "".join(draw(_INSIDE) + one for one in key.replace("-", ""))


unrelated_keys = (
    st.text(min_size=1, max_size=40)
    | st.sampled_from(["opt-out", "Name", "orchestrator:opt-out", "my-stop-orchestrator:opt-out", "stop:opt-out"])
    | st.text("aZ0-_ .:/@=+", min_size=1, max_size=20).map("xstop-orchestrator:{}".format)
    | st.text("aZ0", min_size=1, max_size=20).map("stop-orchestrator{}".format)
    | st.text("aZ0-_@=+", min_size=1, max_size=20).map("stop-orchestrator-owner{}".format)
    | st.text("aZ0-_ ./@:", max_size=20).map("stop-orchestrators:{}".format)
    | st.sampled_from(
        [
            "my-stop-orchestrator:opt-out",
            "non-stop-orchestrator:protected",
            "stop-orchestrators:opt-out",
            "stop-orchestration:opt-out",
            "stop-orchestrator-owner",
            "stop-orchestrator-stopped-by",
            "orchestrator:opt-out",
        ]
    ).flatmap(_separated)
)
"""Keys of other people, some of them near ours, none below our prefix."""
tags = st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(TAG_VALUES))
percents = st.none() | st.integers(0, 100) | st.floats(0, 100)
counts = st.none() | st.integers(0, 10)


@st.composite
def window_texts(draw: st.DrawFn) -> str:
    start = draw(st.integers(0, 1439))
    end = draw(st.integers(0, 1440).filter(lambda minute: minute != start))
    day_lists = st.lists(st.sampled_from(DAYS), min_size=1, max_size=3).map(",".join)
    ranges = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map("-".join)
    days = draw(st.sampled_from(["", "daily "]) | day_lists.map("{} ".format) | ranges.map("{} ".format))
    return f"{days}{_clock(start)}-{_clock(end)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def one_or_several(values: tuple[str, ...]) -> st.SearchStrategy[Any]:
    one = st.sampled_from(values)
    return one | st.lists(one, min_size=1, max_size=3)


_GLOBS = one_or_several(("dev", "test", "*", "d?v", "[pd]*", "on", "12"))
_TAG_GLOBS = st.dictionaries(st.sampled_from(TAG_KEYS), _GLOBS, min_size=1)
_LEAVES = st.one_of(
    st.fixed_dictionaries({"tag": _TAG_GLOBS}),
    st.fixed_dictionaries({"account_tag": _TAG_GLOBS}),
    st.fixed_dictionaries({"account": one_or_several((*ACCOUNT_IDS, "1*"))}),
    st.fixed_dictionaries({"organizational_unit": one_or_several((*OU_PATHS, "/D*"))}),
    st.fixed_dictionaries({"region": one_or_several(("eu-*", "us-east-1", "*"))}),
    st.fixed_dictionaries(
        {
            "idle": st.fixed_dictionaries(
                {"cpu_below": st.integers(1, 100), "for": st.sampled_from(["1h", "24h", "15d"])},
                optional={"network_below": st.sampled_from(["1MB", "500 kB"]), "gpu_below": st.just(0.5)},
            )
        }
    ),
    st.fixed_dictionaries({"instance_type": one_or_several(("t3.*", "m5.large"))}),
    st.just("everything"),
)


def _combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"all": several}),
        st.fixed_dictionaries({"any": several}),
        st.fixed_dictionaries({"not": parts}),
        st.fixed_dictionaries({"not": parts, "tag": _TAG_GLOBS}),
    )


wheres = st.recursive(_LEAVES, _combined, max_leaves=6)

_SCHEDULES = st.dictionaries(
    st.sampled_from(("office", "nights", "1")),
    st.fixed_dictionaries(
        {"timezone": st.sampled_from(ZONES), "running": st.lists(window_texts(), min_size=1, max_size=3)}
    ),
    min_size=1,
)


def _given(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values.filter(lambda value: value is not None)


@st.composite
def policy_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document without mistakes."""
    schedules = draw(_SCHEDULES)
    rule = st.fixed_dictionaries(
        {"where": wheres},
        optional={
            "schedule": st.sampled_from(sorted(schedules)),
            "action": st.sampled_from(["stop", "hibernate"]),
            "kinds": st.just(["ec2"]),
        },
    )
    rules = [{"name": f"rule-{number}", **one} for number, one in enumerate(draw(st.lists(rule, max_size=3)))]
    limits = {"max_stops": _given(counts), "max_stops_percent": _given(percents)}
    guardrails = st.fixed_dictionaries(
        {},
        optional={
            **limits,
            "min_coverage_percent": _given(percents),
            "per_account": st.fixed_dictionaries({}, optional=limits),
        },
    )
    optional = {
        "timezone": st.sampled_from(ZONES),
        "guardrails": guardrails,
        "required_tags": st.lists(st.sampled_from(TAG_KEYS), unique=True),
        "regions": st.just({"include": ["eu-*"], "exclude": ["eu-west-2"]}),
        "max_tag_age": st.sampled_from(["60s", "5m", "1h"]),
        "max_start_wait": st.sampled_from(["15s", "90s", "1h"]),
        "max_fact_age": st.sampled_from(["60s", "90m", "24h"]),
        "organization": st.just({"include": ["/Dev"], "exclude_accounts": ["012345678901"]}),
    }
    sections = draw(st.fixed_dictionaries({}, optional=optional))
    return {"version": 1, "name": "nonprod", "schedules": schedules, "rules": rules, **sections}
