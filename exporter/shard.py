"""Which of several exporters of scope cluster publishes an object."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

_HASH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` equal parts of all objects, ``number`` counting from 0.

    An object belongs to the part that its uid's hash says, in every process and for as long as it exists.
    """

    number: int = 0
    count: int = 1

    def keeps(self, uid: str) -> bool:
        """Whether the object with this uid belongs here: true in exactly one of the ``count`` parts."""
        if self.count == 1:
            return True
        digest = blake2b(uid.encode(errors="surrogatepass"), digest_size=_HASH_BYTES).digest()
        return int.from_bytes(digest) % self.count == self.number


WHOLE = Shard()
