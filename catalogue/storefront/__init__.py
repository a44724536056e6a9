"""How the storefront is answered: documents written ahead, epochs within which they are true, and what is kept."""
