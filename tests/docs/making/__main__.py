"""`make docs`: every part that is made, written into its page."""

from __future__ import annotations

from tests.docs.making.parts import PARTS, page_of, renewed

for page in PARTS:
    text = page_of(page).read_text()
    if (made := renewed(page, text)) != text:
        page_of(page).write_text(made)
        print(f"{page} is renewed")  # noqa: T201 - what the command says
