"""A year of operations in a few minutes, on a whole installation with sign-ins."""
