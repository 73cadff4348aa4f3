"""Redshift clusters."""
