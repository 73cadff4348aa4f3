"""The pure core: values in, values out. No boto3, no clock, no environment, no threads, no logging."""
