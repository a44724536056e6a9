"""One access token for all processes.

Zoho allows ten refreshes in ten minutes per refresh token and blocks beyond that, so the token is kept in
Redis, renewed by one process at a time, and renewed once when Zoho refuses it early.
"""

import hashlib
import json
import re
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from zoho_sync.connection.codes import oauth_error
from zoho_sync.connection.errors import RateLimited, ServerTrouble, Unreachable, ZohoError
from zoho_sync.connection.log import begin_log, end_log
from zoho_sync.connection.shared import PREFIX, shared_store

TOKEN_PATH = "/oauth/v2/token"  # noqa: S105  (an address)
DEFAULT_LIFETIME_SECONDS = 3600
# Renewed this long before it ends, or after nine tenths of a short life.
EARLY_SECONDS = 300
# A throttled refresh is blocked for the rest of a ten-minute window; asking sooner prolongs it.
BLOCKED_SECONDS = 600
# A request whose answer is nonsense may count for Zoho as one of the ten: after a few, they are spaced.
FREE_FAILURES = 3
SPACED_SECONDS = 90
# What a header may carry; anything else is no token, whatever it is called.
TOKEN = re.compile(r"[\x21-\x7e]+")
# www.zohoapis.com, sandbox.zohoapis.eu, www.zohoapis.com.au, …: every data centre, and nobody else.
ZOHO_HOST = re.compile(r"(^|\.)zohoapis\.(com|eu|in|com\.au|jp|ca|com\.cn|sa|uk)$")


@dataclass(frozen=True)
class AccessToken:
    value: str
    api_url: str
    renew_at: float

    def is_fresh(self) -> bool:
        return time.time() < self.renew_at


class TokenSource:
    """Hands out the shared access token; whatever goes wrong is raised as a ZohoError."""

    def __init__(self, http: httpx.Client, refresh_token: str | None = None) -> None:
        """For the integration's own user, or for the user that another `refresh_token` belongs to."""
        self._http = http
        self._refresh_token = refresh_token or settings.ZOHO_REFRESH_TOKEN
        who = f"{settings.ZOHO_ACCOUNTS_URL}|{settings.ZOHO_API_URL}|{settings.ZOHO_CLIENT_ID}|{self._refresh_token}"
        self._key = f"{PREFIX}:token:{hashlib.sha256(who.encode()).hexdigest()[:16]}"

    def current(self) -> AccessToken:
        """A token that should be good. Raises Misconfigured, RateLimited, Unreachable or ServerTrouble."""
        if token := self._stored():
            return token
        with shared_store().lock(f"{self._key}:lock", timeout=60, blocking_timeout=60):
            # Another process may have renewed it while this one waited.
            return self._stored() or self._renew()

    def discard(self, token: AccessToken) -> None:
        """Zoho refused `token`: forget it, unless someone has renewed it meanwhile."""
        with shared_store().lock(f"{self._key}:lock", timeout=60, blocking_timeout=60):
            stored = self._stored()
            if stored and stored.value == token.value:
                shared_store().delete(self._key)

    def _stored(self) -> AccessToken | None:
        text = shared_store().get(self._key)
        token = AccessToken(**json.loads(str(text))) if text else None
        return token if token and token.is_fresh() else None

    def _renew(self) -> AccessToken:
        blocked = shared_store().ttl(f"{self._key}:blocked")
        if isinstance(blocked, int) and blocked > 0:
            raise RateLimited(
                "Token renewal waits for a while: too many were asked for, and Zoho blocks beyond ten.",
                retry_after=blocked,
            )
        try:
            answer = self._ask()
        except ServerTrouble:
            self._space_the_next()
            raise
        if not has_token(answer):
            refusal = oauth_error(answer)
            if isinstance(refusal, RateLimited):
                shared_store().set(f"{self._key}:blocked", "1", ex=BLOCKED_SECONDS)
            raise refusal
        lifetime = token_lifetime(answer)
        token = AccessToken(
            value=answer["access_token"],
            api_url=trusted_api_url(answer.get("api_domain")),
            renew_at=time.time()
            + max(lifetime - EARLY_SECONDS, lifetime * 0.9 if lifetime <= 2 * EARLY_SECONDS else 0),
        )
        shared_store().set(self._key, json.dumps(asdict(token)), ex=max(int(lifetime), 1))
        return token

    def _space_the_next(self) -> None:
        failures = f"{self._key}:failed"
        shared_store().set(failures, 0, ex=BLOCKED_SECONDS, nx=True)
        if int(shared_store().incr(failures)) >= FREE_FAILURES:
            shared_store().set(f"{self._key}:blocked", "1", ex=SPACED_SECONDS)

    def _ask(self) -> dict[str, Any]:
        form = {
            "refresh_token": self._refresh_token,
            "client_id": settings.ZOHO_CLIENT_ID,
            "client_secret": settings.ZOHO_CLIENT_SECRET,
            "grant_type": "refresh_token",
        }
        log = begin_log(system="accounts", method="POST", path=TOKEN_PATH, request=form)
        begun, status = time.monotonic(), None
        answer: Any = None
        error: ZohoError | None = None
        try:
            response = self._http.post(f"{settings.ZOHO_ACCOUNTS_URL.rstrip('/')}{TOKEN_PATH}", data=form)
            status, answer = response.status_code, response.json()
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            error = Unreachable(f"Zoho's accounts server did not answer: {type(trouble).__name__}.")
        except (ValueError, RecursionError):
            answer = None
        # A token is a success and everything else an error, whatever the HTTP status says.
        understood = isinstance(answer, dict) and (has_token(answer) or answer.get("error"))
        if not understood and error is None:
            error = ServerTrouble(
                f"Zoho's accounts server answered {status} without a token.", http_status=status
            )
        end_log(
            log,
            response=answer,
            http_status=status,
            error=error or (None if has_token(answer) else oauth_error(answer)),
            seconds=time.monotonic() - begun,
        )
        if error is not None:
            raise error
        return answer


def has_token(answer: dict[str, Any]) -> bool:
    token = answer.get("access_token")
    return isinstance(token, str) and TOKEN.fullmatch(token) is not None


def token_lifetime(answer: dict[str, Any]) -> float:
    """Seconds the token lives. Where `expires_in_sec` is present, `expires_in` is in milliseconds (Zoho's older form)."""
    for name in ("expires_in_sec", "expires_in"):
        try:
            seconds = float(answer[name])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if seconds > 24 * DEFAULT_LIFETIME_SECONDS:  # no Zoho token lives a day: these are milliseconds
            seconds /= 1000
        if 0 < seconds <= 24 * DEFAULT_LIFETIME_SECONDS:
            return seconds
    return DEFAULT_LIFETIME_SECONDS


def trusted_api_url(api_domain: Any) -> str:
    """Where to send calls: Zoho's `api_domain`, if it is a place of the same sort as ZOHO_API_URL.

    Zoho moves accounts between data centres and says so here. But a token must not follow an answer from a
    test server out to the internet, nor from Zoho to some other host: then the setting stands.
    """
    configured = settings.ZOHO_API_URL.rstrip("/")
    offered = str(api_domain or "").rstrip("/")
    try:
        parts = urlsplit(offered)
    except ValueError:
        return configured
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return configured
    same_sort = _sort_of_host(parts.hostname) == _sort_of_host(urlsplit(configured).hostname) != "other"
    safe_scheme = parts.scheme == "https" or _sort_of_host(parts.hostname) == "loopback"
    return offered if same_sort and safe_scheme else configured


def _sort_of_host(host: str | None) -> str:
    host = host or ""
    if host in ("localhost", "::1") or host.startswith("127."):
        return "loopback"
    return "zoho" if ZOHO_HOST.search(host) else "other"
