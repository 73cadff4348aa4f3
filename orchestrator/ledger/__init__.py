"""The ledger: which sweeps there were, who holds the lease, what was about to be acted on and what came of it."""
