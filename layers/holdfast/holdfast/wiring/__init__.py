"""Where contexts meet: each adapter is one context's port, filled by another's use cases. Only `functions/*/app.py` builds them.

One room per context that is looked at; a function imports the rooms it needs and no others.
"""
