"""Stock: numbers that only conditions may change."""
