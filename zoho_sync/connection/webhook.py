"""Telling a chat. The address of an incoming webhook is a secret, so no error names it."""

import httpx

TIMEOUT_SECONDS = 10.0


class WebhookFailed(Exception):
    """The message was not taken, or it is not known to be. `str()` holds no secret."""


def post_text(url: str, text: str) -> None:
    """Send `text` to a Slack-compatible incoming webhook. Raises WebhookFailed."""
    try:
        answer = httpx.post(url, json={"text": text}, timeout=TIMEOUT_SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as trouble:
        raise WebhookFailed(f"the webhook did not answer: {type(trouble).__name__}") from None
    if answer.status_code >= 300:
        raise WebhookFailed(f"the webhook answered {answer.status_code}")
