"""One file per kind of resource that a sweep can stop."""
