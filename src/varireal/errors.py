"""The errors that users meet. ``cli`` prints them as one line and exits with code 2."""


class VariRealError(Exception):
    """Root of all expected errors: the message says what was found, where, what was expected and what to do."""


class ConfigError(VariRealError):
    """The config is not usable: an unknown key, a value out of range, a missing file that it names."""


class DataError(VariRealError):
    """A file that a stage reads is missing, damaged, or not of the declared schema."""


class BackendError(VariRealError):
    """A backend cannot run here: a missing extra, device, model or program."""


class BudgetSpentError(VariRealError):
    """The study's budget is reached; what was finished is kept, and a higher budget goes on from there."""


class UnknownPromptError(VariRealError):
    """A backend does not know a word of a prompt; the message names the word and the nearest known ones."""

    def __init__(self, message: str, *, word: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.word = word
        self.nearest = nearest
