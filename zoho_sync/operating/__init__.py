"""What an operator does and sees: re-sync, the retry queue, alerts, scheduled jobs, daily figures."""
