"""What is known of Zoho Billing's subscriptions, and how it came to be known."""
