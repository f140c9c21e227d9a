"""What a shop sells and for how much."""
