"""What a year brings, done to a whole installation under sign-ins."""
