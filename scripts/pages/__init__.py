"""Write what is generated from the command line: completions, manual, reference."""
