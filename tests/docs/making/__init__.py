"""What is made from the code in `docs/`: between the markers of a page, whose other words are written by hand.

`make docs` (`python -m tests.docs.making`) makes it again; `tests/docs/test_made_pages.py` holds that it is as made.
`make pictures` (`python -m tests.docs.making.pictures`) makes README's pictures of a demo.
"""
