"""The command line: arguments in, exit codes and streams of DESIGN section 5 out."""
