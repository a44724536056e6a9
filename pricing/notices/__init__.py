"""Notices of price changes: who is told when and in which words, that it is sent once, and the proof of it."""
