"""What a user can run to check our figures: ``make bench``."""
