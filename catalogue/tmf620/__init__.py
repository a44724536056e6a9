"""The TM Forum window: Product Catalog Management (TMF620), v4 and v5 from the same code.

What is on sale is read by anyone. Writes make and edit drafts; nothing goes live through this window.
"""
