"""The shape of a policy document: one module for each part of it (document.py is the whole)."""
