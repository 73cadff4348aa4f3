"""The org's policy: a YAML document in, an OrgPolicy out, or every mistake at once with its path and line."""
