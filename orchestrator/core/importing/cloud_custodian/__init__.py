"""Cloud Custodian's policies."""
