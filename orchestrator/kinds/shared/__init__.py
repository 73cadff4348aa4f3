"""What every kind needs and none has alone: attempts, batches, marks, recovery of intents."""
