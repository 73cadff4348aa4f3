"""The `where` language: what a rule asks of a resource and its account."""
