"""Comparing with Zoho: read its lists, find out who is who, say what differs, take over what is known.

A backfill and a reconciliation run both work with this package; neither knows the other.
"""
