"""Telling the customer, once per event."""
