import pytest

from tests.factories import person


@pytest.fixture
def as_role(client):
    """The test client, logged in as somebody with these roles."""

    def log_in(*roles):
        client.force_login(person(f"some.{'-'.join(roles) or 'body'}".replace(" ", "").lower(), *roles))
        return client

    return log_in


def texts(response):
    """The messages a page shows."""
    return [str(message) for message in response.context["messages"]]
