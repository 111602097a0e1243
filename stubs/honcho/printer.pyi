from datetime import datetime
from typing import NamedTuple, TextIO

class Message(NamedTuple):
    type: str
    data: str | bytes
    time: datetime
    name: str
    colour: str | None

class Printer:
    output: TextIO
    width: int
    def __init__(
        self, output: TextIO = ..., time_format: str = ..., width: int = ..., colour: bool = ..., prefix: bool = ...
    ) -> None: ...
    def write(self, message: Message) -> None: ...
