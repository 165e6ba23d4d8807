"""One module a command; this one imports nothing."""
