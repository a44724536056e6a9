"""Does Zoho agree with the catalogue? Reads all other apps and writes only its findings."""
