"""Deliver what is there, owe the rest."""
