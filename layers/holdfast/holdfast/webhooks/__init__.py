"""Telling a shop's own systems what happened, by signed HTTP calls that are tried again for three days."""
