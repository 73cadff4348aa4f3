"""An embedded AWS with a small organization in it: for the demo and for tests. Needs the extra `demo` (moto)."""
