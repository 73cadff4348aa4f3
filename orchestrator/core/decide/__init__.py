"""Pure decisions: from what was read to a plan, and what holds it."""
