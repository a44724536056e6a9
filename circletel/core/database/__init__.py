"""PostgreSQL beyond the ORM: advisory locks, bulk copy, batched queries."""
