"""Payments: what providers say, kept once, and asked for when they say nothing."""
