"""The command line: verbs, exit codes, and the wiring of everything below."""
