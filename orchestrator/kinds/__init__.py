"""The kinds of resources that a sweep can stop: one folder each."""
