"""RDS DB instances."""
