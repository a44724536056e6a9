"""What goes wrong here, in sentences fit for the terminal.

EmbeddedError
  StartFailed      a program did not come up; carries the end of its log
  Misconfigured    the environment or `.env` contradicts itself
  Busy             somebody else uses the services of this folder
"""


class EmbeddedError(Exception):
    """The message says what is wrong and what to do; nothing more needs to be shown."""


class StartFailed(EmbeddedError):
    pass


class Misconfigured(EmbeddedError):
    pass


class Busy(EmbeddedError):
    pass


class OutOfStep(EmbeddedError):
    pass
