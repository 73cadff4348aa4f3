"""What doctor concludes from AWS's answers."""
