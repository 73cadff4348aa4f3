"""What all kinds share: attempts, batches, marks, recovery of intents."""
