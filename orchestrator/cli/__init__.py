"""The command line: arguments in, exit codes, results on stdout and progress on stderr out."""
