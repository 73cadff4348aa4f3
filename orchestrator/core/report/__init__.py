"""A sweep's report in its forms: one document, and one file for each form made from it."""
