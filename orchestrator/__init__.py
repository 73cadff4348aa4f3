"""Stop Orchestrator: stops what an AWS Organization does not need, by policy, and accounts for every instance."""
