"""Measurements: they report speed, as figures of one run. No test asserts them."""
