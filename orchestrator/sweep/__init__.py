"""The flow of one sweep, stage by stage; `run` reads top-down like DESIGN section 3."""
