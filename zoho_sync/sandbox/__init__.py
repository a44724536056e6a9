"""A local Zoho for demo, tests and load: OAuth, CRM v8 and Billing v1, as far as a catalogue sync needs them.

It stands on the other side of a socket and knows nothing of the program that calls it: no module in here
imports anything from outside this package, and none knows our field names, keys or conventions.
Start it with `python -m zoho_sync.sandbox`.
"""
