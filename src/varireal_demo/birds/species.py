"""What a bird species is to the renderer: numbers for its shape and colours for its plumage.

Units: the trunk is about one unit long, x points to the beak, y up. A new species is one more entry in the catalog.
Along the bird runs the coordinate ``s``: -0.5 tip of the folded wings, 0 base of the tail, 1 base of the neck, 2 nape,
3 base of the beak. Around it runs ``p``: 0 along the back, 1 along the belly.
"""

from dataclasses import dataclass, field

# Outline of the head in units of its length: (x, y) on the crown side, (x, y) on the throat side, half width.
HEAD_PROFILE = (
    (-0.50, 0.02, -0.10, -0.37, 0.25),
    (-0.44, 0.26, 0.00, -0.36, 0.31),
    (-0.20, 0.42, 0.11, -0.33, 0.34),
    (0.08, 0.41, 0.23, -0.29, 0.32),
    (0.31, 0.25, 0.37, -0.23, 0.22),
    (0.47, 0.10, 0.47, -0.15, 0.12),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """How neck and head are held.

    Attributes:
        neck: centre line from the breast to the nape, (x, y, radius) each.
        head: (x, y, tilt) of the head's centre; tilt in radians, positive lifts the beak.
        low: whether the head is down to feed, which is rare and not done afloat.
    """

    neck: tuple[tuple[float, float, float], ...]
    head: tuple[float, float, float]
    low: bool = False


@dataclass(frozen=True, slots=True)
class Beak:
    """A beak, in units of its length, from the face to the tip.

    Attributes:
        length: in body lengths.
        depth: height at the base, in body lengths.
        width: width at the base, in body lengths.
        line: (x, y) of its centre line.
        deep: relative height at evenly spaced places.
        wide: relative width at evenly spaced places.
    """

    length: float
    depth: float
    width: float
    line: tuple[tuple[float, float], ...] = ((0, 0), (0.5, -0.02), (1, -0.06))
    deep: tuple[float, ...] = (1, 0.8, 0.56, 0.3, 0.08)
    wide: tuple[float, ...] = (1, 0.75, 0.5, 0.3, 0.1)


@dataclass(frozen=True, slots=True)
class Legs:
    """Both legs; ``tibia`` above and ``tarsus`` below the joint that bends back, all in body lengths.

    Attributes:
        hip: (x, y) where the leg leaves the body.
        tibia: length of the upper, mostly feathered part.
        tarsus: length of the bare lower part.
        radius: thickness of the bare leg.
        toe: length of the toes.
        webbed: whether skin spans the toes.
        thigh: radius of the feathered part where it leaves the body.
        feathered: fraction of the tibia that is feathered.
        apart: half the distance between the hips, as a fraction of the body's half width.
    """

    hip: tuple[float, float]
    tibia: float
    tarsus: float
    radius: float
    toe: float
    webbed: bool = False
    thigh: float = 0.08
    feathered: float = 0.6
    apart: float = 0.42


@dataclass(frozen=True, slots=True)
class BirdTail:
    """The fan of tail feathers: length, half width at its end, angle against the body's axis (radians, up)."""

    length: float
    width: float
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Plumes:
    """Loose ornamental feathers: (s, p) of their root, direction (x, y), length, radius, droop, count, spread."""

    root: tuple[float, float]
    direction: tuple[float, float]
    length: float
    radius: float
    droop: float = 0.3
    count: int = 3
    spread: float = 0.2


@dataclass(frozen=True, slots=True)
class BirdShape:
    """Form of a species.

    Attributes:
        body: outline from the wing tips to the neck: (x, y) on the back, (x, y) on the belly, half width. The first
            entry is only the envelope of the folded wings; the second is the base of the tail.
        poses: ways to hold the neck.
        head: length of the head.
        beak: the beak.
        legs: the legs.
        tail: the tail.
        wing: edge of the folded wing from shoulder to tip: (s, p above, p below).
        wing_thickness: how far the wing stands off the body.
        profile: outline of the head, see HEAD_PROFILE.
        eye: (s, p, radius): where the eye sits on the head and its size in body lengths.
        plumes: ornamental feathers.
        swims: y of its waterline when afloat, or None.
    """

    body: tuple[tuple[float, float, float, float, float], ...]
    poses: tuple[Pose, ...]
    head: float
    beak: Beak
    legs: Legs
    tail: BirdTail
    wing: tuple[tuple[float, float, float], ...] = (
        (0.92, 0.30, 0.40),
        (0.82, 0.17, 0.52),
        (0.62, 0.10, 0.56),
        (0.34, 0.07, 0.54),
        (0.08, 0.05, 0.49),
        (-0.18, 0.05, 0.42),
        (-0.40, 0.12, 0.30),
    )
    wing_thickness: float = 0.03
    profile: tuple[tuple[float, float, float, float, float], ...] = HEAD_PROFILE
    eye: tuple[float, float, float] = (2.58, 0.36, 0.02)
    plumes: tuple[Plumes, ...] = ()
    swims: float | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """A colour field on trunk, neck and head: ``color`` for s in ``along``, p in ``around``, edges ``soft`` wide."""

    color: str
    along: tuple[float, float]
    around: tuple[float, float] = (-1.0, 2.0)
    soft: float = 0.06


@dataclass(frozen=True, slots=True)
class Plumage:
    """Colours of a bird as sRGB hex strings, and how strongly its feathers are drawn.

    Attributes:
        back: upper side.
        belly: lower side.
        wing: wing coverts.
        flight: secondaries.
        primaries: wing tips.
        tail: tail feathers.
        beak: beak.
        legs: bare legs.
        beak_tip: end of the beak.
        tip_from: where the end of the beak begins, 0..1.
        fringe: colour of feather edges.
        fringes: strength of the feather edges, 0..1.
        patches: colour fields, painted in order.
        speculum: colour of a bright bar on the secondaries, or None.
        barring: strength of dark bars across the feathers, 0..1.
        streaks: strength of dark streaks along neck, breast and flanks, 0..1.
        mottle: strength of irregular fine marks, 0..1.
        gloss: iridescent sheen of the head and neck, 0..1.
        iris: colour of the eye.
        pattern: an unnatural pattern, "" or a name of plumage.PATTERNS.
        second: colour of that pattern.
    """

    back: str
    belly: str
    wing: str
    flight: str
    primaries: str
    tail: str
    beak: str
    legs: str
    beak_tip: str = ""
    tip_from: float = 0.8
    fringe: str = "#e8e0d0"
    fringes: float = 0.25
    patches: tuple[Patch, ...] = ()
    speculum: str | None = None
    barring: float = 0.0
    streaks: float = 0.0
    mottle: float = 0.15
    gloss: float = 0.0
    iris: str = "#2a1c12"
    pattern: str = ""
    second: str = "#ffffff"


@dataclass(frozen=True, slots=True)
class Species:
    """A species: its display name, shape and natural plumages (name -> plumage, the usual one first)."""

    name: str
    shape: BirdShape
    plumages: dict[str, Plumage] = field(default_factory=dict)
