"""What each page says. Of every value control characters are written out, and markup in it is text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

import jinja2
from markupsafe import Markup

from orchestrator.core.decide.opt_out_links import OptOutLink
from orchestrator.core.report.control_characters import without_controls

LONGEST_REASON = 200
"""Characters."""
_ONE_NIGHT = "Tonight ends with tomorrow: an opt-out ends with a day, and most nights end in the next one."
_WHAT_IT_DOES = (
    "Until the end of the day that you choose, Stop Orchestrator neither stops it nor starts it. Nothing is recorded "
    "before you press the button."
)


@dataclass(frozen=True, slots=True)
class _Form:
    query: str
    choices: Sequence[tuple[str, str]]
    until: str
    reason: str
    needs_reason: bool
    longest_reason: int = LONGEST_REASON


def form_page(
    link: OptOutLink,
    query: str,
    now: datetime,
    *,
    recorded: date | None = None,
    problem: str = "",
    until: str = "",
    reason: str = "",
) -> str:
    """Asks until when. `query`: the link's, which the button sends along. `recorded`: an opt-out that there is already,
    by another link. `problem`: what was wrong with an answer, which `until` and `reason` were.
    """
    name = _name(link)
    already = f"It is opted out already, until the end of {_day_text(recorded)}." if recorded else ""
    choices = link.choices(now)
    return _page(
        f"Leave {name} alone?",
        said=[text for text in (problem, already) if text],
        is_good=not problem,
        paragraphs=[_WHAT_IT_DOES],
        facts=_facts(link),
        form=_Form(
            query,
            [(day.isoformat(), _choice_text(day, choices[0])) for day in choices],
            until,
            reason,
            link.needs_reason,
        ),
        notes=[f"Days are those of {link.timezone}. {_ONE_NIGHT}", _bearer(link)],
    )


def recorded_page(
    link: OptOutLink, until: date, reason: str, given_at: str, now: datetime, *, is_new: bool = False
) -> str:
    """What is recorded; by this press of the button where that `is_new`."""
    day, is_over = f"{_day_text(until)} ({link.timezone})", until < link.today(now)
    if is_new:
        said = f"Recorded: it is left alone until the end of {day}."
    elif is_over:
        said = f"This link was used before: it was left alone until the end of {day}, which is over."
    else:
        said = f"It is opted out already, until the end of {day}; nothing was changed."
    return _page(
        f"{_name(link)} {'was' if is_over else 'is'} left alone",
        said=[said],
        is_good=True,
        facts=[*_facts(link), ("Reason", reason or "none given"), ("Recorded at", given_at)],
        notes=[
            "Whoever runs Stop Orchestrator can take it back. A link gives one opt-out; a later message has another."
        ],
    )


def refusal_page(heading: str, text: str) -> str:
    """That nothing was recorded, and what to do."""
    return _page(heading, said=[text], notes=["Nothing was recorded."])


def content_policy() -> str:
    """For the header: only the page's own style, nothing fetched, and the form only to where it came from."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _name(link: OptOutLink) -> str:
    return link.place[3].rpartition("/")[2] or link.place[3]


def _facts(link: OptOutLink) -> list[tuple[str, str]]:
    service, region, account, name = link.place
    found = [("Resource", f"{service} {name}"), ("Account", account), ("Region", region), ("Owner", link.given_to)]
    return [*((key, value) for key, value in found if value), ("Announced by sweep", link.sweep_id)]


def _choice_text(day: date, first: date) -> str:
    return f"tonight ({_day_text(day)})" if day == first else _day_text(day)


def _bearer(link: OptOutLink) -> str:
    return (
        f"Whoever has this link can use it, once, until {link.expires_at:%Y-%m-%d %H:%M} UTC: do not pass it on to "
        "whom it is not for."
    )


def _day_text(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {day}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _page(
    heading: str,
    *,
    said: Sequence[str] = (),
    is_good: bool = False,
    paragraphs: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    form: _Form | None = None,
    notes: Sequence[str] = (),
) -> str:
    return (
        _environment()
        .get_template("opt_out.html.j2")
        .render(
            heading=heading,
            said=said,
            is_good=is_good,
            paragraphs=paragraphs,
            facts=facts,
            form=form,
            notes=notes,
            style=Markup(_style()),  # noqa: S704 - our own file, as it is
        )
    )


@cache
def _style() -> str:
    environment = _environment()
    assert environment.loader is not None, "the environment is made with one"
    return environment.loader.get_source(environment, "opt_out.css")[0]


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("orchestrator.core.report.opt_out_page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: without_controls(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
