"""Shops and who may act for them."""
