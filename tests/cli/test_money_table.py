"""What a terminal shows of money: one short block in 80 columns, what is not known in words, and nothing without."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal

from rich.console import Console

from orchestrator.cli.money_table import dollars, print_money
from orchestrator.core.decide.savings import saving_of
from orchestrator.core.model.money import HourlyPrice, MeasuredSaving, Money, Saving
from orchestrator.core.report.document import Row, report_document
from tests.support.builders import AT, SWEEP_ID, a_decision, a_report, a_resource

HOUR = timedelta(hours=1)
PRICE = HourlyPrice(Decimal("0.0832"), Decimal("0.01"), "prices.csv")
HOSTILE = "no price of \x1b[31mec2\u202e [bold]x[/bold] =HYPERLINK(1)"


def shown(document: Row) -> str:
    text = io.StringIO()
    print_money(Console(file=text, width=80), document)
    return text.getvalue()


def a_document(**more: object) -> Row:
    found = [a_decision(a_resource(f"i-{number}")) for number in range(3)]
    savings = [saving_of(PRICE, AT, AT + 12 * HOUR), saving_of(PRICE, AT, None), Saving(unknown=HOSTILE)]
    saved = saving_of(PRICE, AT - 3 * HOUR, AT)
    key = a_resource("i-9").key
    one = MeasuredSaving(key, SWEEP_ID, AT - 3 * HOUR, AT, running_again=True, early=True, saving=saved)
    keys = [decision.resource.key for decision in found]
    money = Money(dict(zip(keys, savings, strict=True)), {}, (one,), "prices.csv", **more)  # type: ignore[arg-type]  # whichever fields a test gives
    return report_document(a_report(decisions=tuple(found), money=money))


def test_without_prices_nothing_is_said() -> None:
    assert shown(report_document(a_report())) == ""


def test_forecast_and_measured_are_shown_apart_and_what_is_not_known_is_in_words() -> None:
    lines = [line.rstrip() for line in shown(a_document()).splitlines()]
    assert lines[1:5] == [
        "What it saves",
        "USD              known  unknown    gross  still billed      net  an hour",
        "stops, forecast      1        2    $1.12       $0.1200    $1.00  $0.1664",
        "earlier stops        1        -  $0.2796       $0.0300  $0.2496  $0.0832",
    ]
    assert lines[5] == "Not in the net, as theirs is not known: 2 stops."
    assert "  1 x nothing says when it starts again" in lines
    assert "1 of the measured were started before their forecast said." in lines
    assert max(map(len, lines)) <= 80


def test_what_is_made_up_says_so_first_and_hostile_texts_do_nothing() -> None:
    text = shown(a_document(made_up=True))
    assert text.splitlines()[1] == "These prices are made up, for an example: the amounts mean nothing."
    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text


def test_an_amount_that_is_not_known_is_never_0() -> None:
    found = a_decision(a_resource())
    money = Money({found.resource.key: Saving(unknown="x")}, prices="p")
    text = shown(report_document(a_report(decisions=(found,), money=money)))
    assert "not known" in text
    assert "$0.00" not in text.partition("The sweep itself cost")[0]


def test_a_plan_that_does_nothing_saves_nothing() -> None:
    assert "It saves nothing" in shown(report_document(a_report(money=Money(prices="p"))))


def test_dollars_are_written_as_people_do() -> None:
    assert [dollars(one) for one in (0.0, 0.0123, 1.5, 1234.567)] == ["$0.00", "$0.0123", "$1.50", "$1,234.57"]


def test_sums_that_are_not_of_the_same_stops_are_said_not_to_add_up() -> None:
    found = [a_decision(a_resource(f"i-{number}")) for number in range(2)]
    savings = [
        Saving(Decimal(2), AT, Decimal(1), Decimal("2.5"), Decimal("0.5"), Decimal(2)),
        Saving(Decimal(2), AT, Decimal(1), None, None, Decimal(2), unknown="no price of ec2 volume st1"),
    ]
    money = Money(dict(zip([one.resource.key for one in found], savings, strict=True)), prices="p")
    text = " ".join(shown(report_document(a_report(decisions=tuple(found), money=money))).split())
    assert "do not add up: $2.00 of the net is in no gross, as it is not known what of that is billed" in text
    assert "Amounts that are not known, in all or in part: 1 x no price of ec2 volume st1" in text
    assert "do not add up" not in shown(a_document())
