"""The end of the predecessor's `products` table: audit, migrate, lock, drop. docs/legacy-products.md tells how."""
