"""What all processes share about Zoho lives in Redis: the token, the budget, the breaker."""

from functools import cache

import redis
from django.conf import settings

PREFIX = "circletel:zoho"


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=2)


def shared_store() -> "redis.Redis":
    """The Redis that every process of this installation uses. Values are text."""
    return _client(settings.REDIS_URL)
