"""The pool of prior pictures of a setting: a table that the stage priors makes and the stage edits draws from."""

from functools import lru_cache
from pathlib import Path

from varireal import names, tables
from varireal.arrays import Array
from varireal.pictures import decode_png
from varireal.schemas import PRIORS

PER_GROUP = 1  # the number of a row is that of its group, so that one picture can be read alone


class NoPriorError(Exception):
    """A prior picture is not in the pool; the message says why."""


class Pool:
    """Reads prior pictures by their id, one at a time.

    Raises:
        DataError: the table is damaged or missing.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, tables.check(path, PRIORS)
        rows = tables.read(path, PRIORS, ["prior_id", "status", "reason"])
        self._places = {row["prior_id"]: (number, row) for number, row in enumerate(rows)}
        self._read = lru_cache(maxsize=64)(self._picture)

    def picture(self, prior_id: str) -> Array:
        """The picture, (S, S, 3) uint8.

        Raises:
            NoPriorError: there is none.
        """
        return self._read(prior_id)

    def _picture(self, prior_id: str) -> Array:
        if prior_id not in self._places:
            raise NoPriorError(f"the prior picture {prior_id} is not in {self._path}; run the stage priors again")
        number, row = self._places[prior_id]
        if row["status"] != names.OK:
            raise NoPriorError(f"its prior picture could not be made: {row['reason']}")
        return decode_png(self._file.read_row_group(number, columns=["image"])["image"][0].as_py())
