"""The engines a fresh machine lacks, and the two commands that use them: `make run` and `make manage`.

Plain Python, free of Django. The app never imports this package: it only ever sees environment variables,
the same ones a production machine sets. See `docs/decisions/embedded-services.md`.
"""
