"""Checkout sessions and orders: none lost, doubled or silently changed."""
