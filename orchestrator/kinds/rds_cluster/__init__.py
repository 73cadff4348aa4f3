"""DB clusters: Aurora, DocumentDB and Neptune."""
