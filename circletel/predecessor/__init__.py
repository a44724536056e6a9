"""Moving in from the predecessor's database: its products, packages, Zoho ids and price changes, ids kept.

Belongs to the frame, because it writes into every app. docs/moving-from-the-predecessor.md tells how to use it.
"""
