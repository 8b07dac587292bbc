"""A comparison by name. Light: the workflow lists comparisons without numpy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison that is wanted: regime ``a`` less regime ``b``; one whose regimes did not run is skipped.

    Attributes:
        name: for people.
        family: comparisons that Holm's correction treats together.
        a: slug of a regime.
        b: slug of the regime that is subtracted.
    """

    name: str
    family: str
    a: str
    b: str
