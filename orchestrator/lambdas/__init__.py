"""The Lambda entry points."""

import gc
import os

# Else pydantic looks in every installed package for plugins, which would be code in here that nobody chose.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:  # while Lambda imports it: all of that stays; see `entry`
    gc.disable()
