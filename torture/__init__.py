"""Faults and load: the whole house under mixed traffic, while what it stands on is broken in turn.

`python -m torture` starts PostgreSQL, Valkey, a sandbox Zoho, web, two workers and beat of its own, lets people
work, breaks things by a schedule, and then judges whether anything was lost or done twice. docs/reliability.md
tells how to read what it prints.
"""
