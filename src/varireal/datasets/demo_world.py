"""Where the demo's birds live, what they look like when they look unusual, and how they happen to stand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from varireal.rendering.birds.species import Patch, Plumage, Shape
from varireal.rendering.birds.stance import Stance

WATER, SOFT, HARD = "water", "soft", "hard"

# What is under the subject's feet in each scene that the demo uses.
GROUND: Mapping[str, str] = {
    "pond": WATER,
    "marsh": WATER,
    "ocean": WATER,
    "meadow": SOFT,
    "cornfield": SOFT,
    "snow field": SOFT,
    "jungle": SOFT,
    "forest": SOFT,
    "flower field": SOFT,
    "backyard": SOFT,
    "beach": HARD,
    "sunset beach": HARD,
    "rooftop": HARD,
    "desert": HARD,
    "mountain": HARD,
    "city street": HARD,
    "highway": HARD,
    "living room": HARD,
    "library": HARD,
    "night city": HARD,
    "moon": HARD,
    "lava": HARD,
}

# Usual places, the first one most of the time.
HABITATS: Mapping[str, tuple[str, str]] = {
    "mallard": ("pond", "marsh"),
    "greylag-goose": ("meadow", "pond"),
    "grey-heron": ("marsh", "pond"),
    "white-stork": ("rooftop", "meadow"),
    "flamingo": ("sunset beach", "beach"),
    "scarlet-ibis": ("jungle", "marsh"),
    "herring-gull": ("beach", "ocean"),
    "common-crane": ("snow field", "cornfield"),
}
FIRST_PLACE = 0.75
USUAL_PLUMAGE = 0.8
FEEDING = 0.22

# Unusual backgrounds: places of other species first (feasible, never seen in train), then odd ones.
ELSEWHERE = tuple(dict.fromkeys(scene for scenes in HABITATS.values() for scene in scenes))
ODD = (
    "forest",
    "desert",
    "mountain",
    "city street",
    "backyard",
    "flower field",
    "highway",
    "living room",
    "library",
    "night city",
    "lava",
    "moon",
)


def unusual_scenes(class_id: str) -> tuple[str, ...]:
    """Scenes that a species is never seen in during training."""
    return tuple(scene for scene in (*ELSEWHERE, *ODD) if scene not in HABITATS[class_id])


@dataclass(frozen=True, slots=True)
class Dye:
    """An unusual look: body, wing and wing tip colours, optionally a second colour in a pattern."""

    body: str
    wing: str
    tips: str
    second: str = ""
    pattern: str = ""


UNUSUAL: Mapping[str, Dye] = {
    "leucistic": Dye("#efebe4", "#ebe6dd", "#e2dbd0"),
    "melanistic": Dye("#2b2826", "#24211f", "#171514"),
    "chestnut": Dye("#7d4526", "#6c3a1f", "#3c2114"),
    "buff": Dye("#cfa468", "#c2955a", "#94703f"),
    "slate": Dye("#4f6274", "#465868", "#28323c"),
    "teal": Dye("#1f8a8a", "#19767a", "#0f4a50"),
    "violet": Dye("#6b4a9c", "#5c3f8a", "#36255a"),
    "lime": Dye("#86ad34", "#769a2c", "#4a6420"),
    "golden": Dye("#d9a521", "#c9951b", "#8a6414"),
    "pied": Dye("#ece8e0", "#e4dfd6", "#2a2826", "#2b2a2c", "blotches"),
    "striped": Dye("#d8b27c", "#cda66e", "#5a4028", "#4a3524", "stripes"),
    "spotted": Dye("#c9a36c", "#bd955e", "#4a3524", "#38281c", "spots"),
    "blue-spotted": Dye("#3f7fb8", "#3670a6", "#1e3f66", "#e9e4d8", "spots"),
}

# Looks that are too near to a species' usual one to count as unusual.
_TOO_NEAR: Mapping[str, frozenset[str]] = {
    "mallard": frozenset({"chestnut"}),
    "greylag-goose": frozenset({"buff"}),
    "grey-heron": frozenset({"slate"}),
    "white-stork": frozenset({"leucistic", "pied"}),
    "flamingo": frozenset({"leucistic"}),
    "scarlet-ibis": frozenset({"chestnut"}),
    "herring-gull": frozenset({"leucistic", "pied"}),
    "common-crane": frozenset({"slate"}),
}


def unusual_plumages(class_id: str) -> tuple[str, ...]:
    """Names of the unusual looks that a species may have."""
    near = _TOO_NEAR.get(class_id, frozenset())
    return tuple(name for name in UNUSUAL if name not in near)


def dyed(plumage: Plumage, name: str) -> Plumage:
    """A plumage in an unusual look; beak, legs and eyes keep their colours."""
    dye = UNUSUAL[name]
    bare = tuple(patch for patch in plumage.patches if patch.along[0] >= 2.6)
    face = () if dye.pattern else (Patch(dye.wing, (1.9, 2.8), (-1.0, 0.3), 0.1),)
    return replace(
        plumage,
        back=dye.body,
        belly=dye.body,
        wing=dye.wing,
        flight=dye.wing,
        primaries=dye.tips,
        tail=dye.wing,
        fringe=dye.body,
        patches=face + bare,
        speculum=None,
        gloss=0.0,
        second=dye.second or dye.body,
        pattern=dye.pattern,
    )


def _draw_pose(shape: Shape, *, low: bool, rng: np.random.Generator) -> int:
    """Number of a pose, one with the head down if ``low``."""
    fitting = [number for number, pose in enumerate(shape.poses) if pose.low == low]
    return int(rng.choice(fitting)) if fitting else 0


def draw_stance(shape: Shape, surface: str, heading: float, rng: np.random.Generator) -> Stance:
    """A random individual in a random moment; ``heading`` is where it faces, from :func:`draw_heading`."""
    # Seen end-on, a bird with its head down is a ball of feathers.
    broadside = abs(np.cos(heading)) > 0.8
    afloat = surface == WATER and shape.swims is not None and rng.random() < 0.75

    def vary(amount: float) -> float:
        return float(np.clip(1 + amount * rng.standard_normal(), 1 - 2 * amount, 1 + 2 * amount))

    return Stance(
        pose=_draw_pose(shape, low=rng.random() < FEEDING and broadside and not afloat, rng=rng),
        stretch=vary(0.07),
        bend=float(np.clip(rng.normal(0.02, 0.10), -0.18, 0.24)),
        turn=float(np.clip(rng.normal(0, 0.32), -0.7, 0.7)),
        plump=vary(0.06),
        stride=float(rng.uniform(-0.38, 0.38)),
        one_leg=bool(rng.random() < 0.12) and shape.legs.tarsus > 0.22,
        afloat=bool(afloat),
        legs=vary(0.05),
        beak=vary(0.05),
        wing_droop=float(rng.uniform(-0.03, 0.05)),
    )


def draw_heading(rng: np.random.Generator) -> float:
    """Angle of the bird about the vertical: mostly from the side, at times towards the camera or away from it."""
    side = 0.0 if rng.random() < 0.5 else np.pi
    kind = rng.random()
    if kind < 0.72:
        return side + float(np.clip(rng.normal(0, 0.34), -0.75, 0.75))
    return side + float(rng.choice([-1.0, 1.0]) * rng.uniform(0.75, 1.2))
