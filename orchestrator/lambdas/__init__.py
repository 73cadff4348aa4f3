"""The Lambda entry points."""

import os

# Else pydantic looks in every installed package for plugins, which would be code in here that nobody chose.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
