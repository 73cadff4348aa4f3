"""When resources run: lines, calendars, holidays and exceptions in a time zone."""
