"""Passwords of tests: as in production, but quickly hashed."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Read by every process of ours as the usual hash; a million rounds fewer."""

    iterations = 1
