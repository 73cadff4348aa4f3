"""SageMaker notebook instances."""
