"""ECS services."""
