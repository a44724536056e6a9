"""Price changes: who pays what, and from when. Knows `catalogue` and `zoho_sync`."""
