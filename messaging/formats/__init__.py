"""Formats of dates and numbers, where Django's own are not what a native reader expects."""
