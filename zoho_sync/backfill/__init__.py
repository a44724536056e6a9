"""Backfill: bring everything we sell into Zoho, beginning with what Zoho already holds.

`listing` reads Zoho once, `decision` says of each record what ought to become of it, `settlement` writes that
into the rows, and the ordinary sync sends what is owed. `run` holds the four together.
"""
