"""The effect of the limits as shipped on honest people and on attackers, in scenarios."""
