"""What the limits that ship do to honest people, and what attackers get for what: scenarios that are played."""
