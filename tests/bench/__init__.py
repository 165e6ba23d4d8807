"""How fast ampt is, side by side with others: `make bench`, `make bench-full`."""
