"""What the command line uses where no bucket and no table are set: files and SQLite below one directory."""
