"""The one local address: pages for people, and a proxy to the deployed API for everyone else.

Local tooling only. The pages know the product by its public HTTP contract, never by its Python.
"""
