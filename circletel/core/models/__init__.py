"""The kernel's models."""
