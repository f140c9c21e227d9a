"""Holdfast: stock that is held while a customer pays, and orders that are never lost."""
