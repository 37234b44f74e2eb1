"""Where Django's own formats of dates and numbers are not what a native reader expects."""
