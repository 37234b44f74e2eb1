"""Benchmarks that anybody can run to check our figures: ``make bench``."""
