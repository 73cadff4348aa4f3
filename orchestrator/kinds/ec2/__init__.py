"""EC2 instances."""
