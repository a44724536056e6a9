"""How long things may take between us and Zoho, in seconds."""

# How long a worker may hold a record or a price move before others take it for lost. Longer than one call to Zoho
# with its retries.
LEASE_SECONDS = 90.0
# How long Zoho may still be at a write that it never answered. Until then nothing more is written to that record: the
# late one would undo it.
LATE_CALL_SECONDS = 60.0
# How long publishes that follow one another wait for a common call to CRM; 0 sends each as it comes.
GATHER_SECONDS = 60.0
