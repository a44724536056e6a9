"""The mirror of Zoho Billing's subscriptions: read from there, never edited here."""
