"""When resources run: weekly windows in a time zone."""
