"""HTML pages: one file each, which asks the network for nothing and runs no script but its own."""
