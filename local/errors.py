"""What can go wrong on the way to a running system, each with a message of one clear line.

LocalError
├── SettingsError          a variable or option has no usable value
├── PortInUse              something else listens where a service should
├── ProgramUnavailable     a program is not on this machine, and could not be installed
├── HistoryFailed          the sample fleet's past could not be written
├── NotAnswering           a service was started and did not answer in time
└── DocumentsDiffer        a generated document is not what the code gives
"""

from __future__ import annotations


class LocalError(Exception):
    """Base of all: its text is shown to the user as it is, without a traceback."""


class SettingsError(LocalError):
    """A variable or option has no usable value; one line for each."""


class PortInUse(LocalError):
    """Something else listens where a service should; one line for each port."""


class ProgramUnavailable(LocalError):
    """A program is not on this machine, and could not be installed."""


class HistoryFailed(LocalError):
    """The sample fleet's past could not be written; nothing of it was left behind."""


class NotAnswering(LocalError):
    """A service was started and did not answer in time."""


class DocumentsDiffer(LocalError):
    """A generated document in the tree is not what the code gives; names it."""
