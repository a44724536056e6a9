"""The predecessor's data: brings its database in and removes its legacy `products` table.

Part of the project and not of an app, because it writes into every app. docs/moving-from-the-predecessor.md describes
the two commands, `import_predecessor` and `legacy_products`.
"""
