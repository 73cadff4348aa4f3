"""The only place that knows boto3; raw AWS dictionaries never leave it."""
