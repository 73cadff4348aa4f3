"""The forms of EventBridge Scheduler's expressions without their parentheses, as regular expressions."""

RATE = r"[1-9][0-9]{0,5} +(minute|hour|day)s?"
"""The API's reference has each unit in both numbers, whatever the value."""
SIX_FIELDS = r"\S+( +\S+){5}"
