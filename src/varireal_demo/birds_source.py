"""The demo data set: rendered birds of eight species with exact masks, a biased train set and shifted test sets.

Train, val and test show each species in its usual places and plumage. ``test_background`` keeps the plumage and puts
the birds where train never shows them; ``test_plumage`` keeps the places and gives them an unusual look.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from varireal.config.images import DEMO_CLASSES, DEMO_VERSION, DemoImages
from varireal.core.files import write_whole
from varireal.core.seeds import digest, stable_int
from varireal.errors import DataError
from varireal.records import Array, ClassInfo, SourceImage
from varireal.running.logs import progress
from varireal.running.parallel import process_map
from varireal_demo import TEST_BACKGROUND, TEST_PLUMAGE, pictures_by_split
from varireal_demo.birds import SPECIES, Species, build_bird, draw_bird
from varireal_demo.birds.body import Stance
from varireal_demo.birds.species import BirdShape, Patch, Plumage
from varireal_demo.camera import View, develop
from varireal_demo.scenes import render_scene
from varireal_demo.solids import Mesh, rotation
from varireal_demo.staging import (
    Frame,
    compose,
    frame_subject,
    mirror_in_water,
    ring_of_water,
    sink,
    stand_on,
    without_crumbs,
)

logger = logging.getLogger(__name__)

# Where the demo's birds live, what they look like when they look unusual, and how they happen to stand.

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


def _draw_pose(shape: BirdShape, *, low: bool, rng: np.random.Generator) -> int:
    """Number of a pose, one with the head down if ``low``."""
    fitting = [number for number, pose in enumerate(shape.poses) if pose.low == low]
    return int(rng.choice(fitting)) if fitting else 0


def draw_stance(shape: BirdShape, surface: str, heading: float, rng: np.random.Generator) -> Stance:
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


DEMO_SPECIES: tuple[ClassInfo, ...] = tuple(ClassInfo(class_id, name) for class_id, name in DEMO_CLASSES)

_SMALLEST = 0.094  # fraction of the picture that a bird should cover at least
_TRIES = 8


@dataclass(frozen=True, slots=True)
class DemoSpec:
    """One picture of the demo, in words; :func:`render_demo` draws it.

    Attributes:
        image_id: unique name, such as ``mallard-train-003``.
        class_id: species.
        class_name: display name of the species.
        split: train, val, test, test_background or test_plumage.
        index: number within its class and split.
        scene: name of the scene.
        plumage: name of a natural plumage of the species, or of an unusual look.
        seed: seed of everything else in the picture.
    """

    image_id: str
    class_id: str
    class_name: str
    split: str
    index: int
    scene: str
    plumage: str
    seed: int


@dataclass(frozen=True, slots=True)
class _Staged:
    """A bird ready to be drawn: surfaces, ground, view in pictures of side 1, framing, whether water cuts it off."""

    mesh: Mesh
    ground: float
    turn: Array
    target: Array
    frame: Frame
    clip: bool


def demo_specs(*, seed: int, species: Sequence[str], train: int, val: int, test: int) -> list[DemoSpec]:
    """List the pictures of the demo.

    A picture's spec depends on the study's seed, its class, split and index only: more pictures or species change
    none.

    Args:
        seed: seed of the study.
        species: class ids.
        train: train pictures per class.
        val: validation pictures per class.
        test: pictures per class of the test set and of each shifted test set.

    Raises:
        KeyError: a class id is not one of ``DEMO_SPECIES``.
    """
    names = dict(DEMO_CLASSES)
    counts = pictures_by_split(train, val, test)
    return [
        _spec(seed, class_id, names[class_id], split, index)
        for class_id in species
        for split, count in counts.items()
        for index in range(count)
    ]


def _spec(study: int, class_id: str, name: str, split: str, index: int) -> DemoSpec:
    seed = stable_int("demo", study, class_id, split, index)
    rng = np.random.default_rng([seed, 0])
    first, second = HABITATS[class_id]
    scene = first if rng.random() < FIRST_PLACE else second
    usual, *others = SPECIES[class_id].plumages
    plumage = usual if rng.random() < USUAL_PLUMAGE or not others else others[int(rng.integers(len(others)))]
    if split == TEST_BACKGROUND:
        scene = str(rng.choice(unusual_scenes(class_id)))
    elif split == TEST_PLUMAGE:
        plumage = str(rng.choice(unusual_plumages(class_id)))
    return DemoSpec(f"{class_id}-{split}-{index:03d}", class_id, name, split, index, scene, plumage, seed)


def render_demo(spec: DemoSpec, size: int) -> tuple[Array, Array]:
    """Draw one picture; it depends on ``spec`` and ``size`` only.

    Returns:
        The picture (size, size, 3) uint8 sRGB, and the mask (size, size) bool of the pixels that the bird covers by
        more than half.
    """
    rng = np.random.default_rng([spec.seed, 1])
    species = SPECIES[spec.class_id]
    return render_bird(species, _plumage(species, spec.plumage), spec.scene, size, rng)


def render_bird(
    species: Species, plumage: Plumage, scene_name: str, size: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw a bird in a scene; the same generator state gives the same picture.

    Args:
        species: its shape.
        plumage: its colours, which need not be natural.
        scene_name: key of ``SCENES``; a scene that the demo does not use counts as hard ground.
        size: side of the square picture, in pixels.
        rng: decides pose, framing and light.

    Returns:
        The picture (size, size, 3) uint8 sRGB, and the mask (size, size) bool of the pixels that the bird covers by
        more than half.
    """
    surface = GROUND.get(scene_name, HARD)
    staged, horizon = _stage(species, surface, rng)
    scene = render_scene(scene_name, size, size, rng, horizon=horizon, focus=min(staged.frame.foot, 0.98))
    x, y = staged.frame.center
    view = View(staged.turn, staged.target, staged.frame.scale * size, (x * size - 0.5, y * size - 0.5))
    cutout = draw_bird(
        staged.mesh,
        plumage,
        view,
        scene.light,
        staged.ground,
        (size, size),
        rng,
        clip=staged.clip,
    )
    light, image = scene.light, scene.image
    foot = staged.frame.foot * size
    if surface == WATER:
        image = mirror_in_water(image, cutout, foot, rng, strength=float(rng.uniform(0.45, 0.75)))
        image = ring_of_water(image, cutout.alpha, foot)
    else:
        sun, ambient = np.asarray(light.sun, np.float32), np.asarray(light.ambient, np.float32)
        image = stand_on(image, staged.mesh, view, np.asarray(light.direction), staged.ground, sun, ambient)
        if surface == SOFT:
            cutout = sink(cutout, foot, 0.03 * size, rng)
    cutout = without_crumbs(cutout)
    picture = develop(compose(image, cutout), rng)
    return picture, cutout.alpha > 0.5


def _plumage(species: Species, name: str) -> Plumage:
    """A natural plumage of the species by name, or its first one in an unusual look."""
    natural = species.plumages.get(name)
    return natural if natural is not None else dyed(next(iter(species.plumages.values())), name)


def _stage(species: Species, surface: str, rng: np.random.Generator) -> tuple[_Staged, float]:
    """Pose and frame a bird, again while it comes out too small; also the height of the horizon."""
    tries: list[tuple[_Staged, float]] = []
    while len(tries) < _TRIES:
        heading = draw_heading(rng)
        stance = draw_stance(species.shape, surface, heading, rng)
        mesh, ground = build_bird(species.shape, stance)
        clip = surface == WATER
        if clip and not stance.afloat:
            # Waders stand in shallow water.
            ground += float(rng.uniform(0.10, 0.45)) * species.shape.legs.tarsus
        drop = float(rng.uniform(0.12, 0.36))
        tilt = 0.02 + 0.5 * drop
        turn = rotation("z", float(rng.normal(0, 0.02))) @ rotation("x", tilt) @ rotation("y", heading)
        middle = 0.5 * (float(mesh.points[:, 1].max()) + ground)
        target = np.array([0.05, middle, 0.0], np.float32)
        wanted, margin = float(rng.uniform(0.11, 0.28)), float(rng.uniform(0.045, 0.13))
        frame = frame_subject(mesh, turn, target, ground, wanted, margin, rng, smallest=_SMALLEST)
        horizon = float(np.clip(frame.foot - drop, 0.2, 0.75))
        tries.append((_Staged(mesh, ground, turn, target, frame, clip), horizon))
        if frame.area >= 0.97 * _SMALLEST:
            return tries[-1]
    return max(tries, key=lambda item: item[0].frame.area)


# The rendered bird data set as files: each picture is drawn once and then kept.


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one picture and its mask go."""

    spec: DemoSpec
    picture: Path
    mask: Path

    @property
    def done(self) -> bool:
        # the mask is renamed into place before the picture, so the picture stands for both
        return self.picture.exists()


def render_photos(options: DemoImages, *, seed: int, folder: Path, workers: int) -> list[SourceImage]:
    """Draw every picture of the demo that is not there yet, and list all of them.

    Files lie under a digest of everything that they depend on, so pictures of other settings are never mistaken for
    these, and an interrupted run goes on where it stopped.

    Args:
        options: species, size and counts.
        seed: seed of the study.
        folder: folder for the pictures.
        workers: processes to draw with.

    Raises:
        DataError: the folder cannot be written.
    """
    specs = demo_specs(seed=seed, species=options.species, train=options.train, val=options.val, test=options.test)
    base = folder / digest("demo", DEMO_VERSION, seed, options.size, size=4)
    places = [_place(base, spec) for spec in specs]
    missing = [place for place in places if not place.done]
    try:
        for parent in {place.picture.parent for place in missing}:
            parent.mkdir(parents=True, exist_ok=True)
        drawn = process_map(partial(_draw, size=options.size), missing, workers)
        for _ in progress(drawn, logger, "birds drawn", len(missing)):
            pass
    except OSError as error:
        raise DataError(f"pictures cannot be written to {base}: {error.strerror}") from error
    return _listed(places)


def _place(base: Path, spec: DemoSpec) -> _Place:
    stem = base / spec.split / spec.class_id / spec.image_id
    return _Place(spec, stem.with_suffix(".png"), stem.with_suffix(".mask.png"))


def _listed(places: Sequence[_Place]) -> list[SourceImage]:
    items = [
        SourceImage(place.spec.image_id, place.picture, place.spec.class_name, place.spec.split, place.mask)
        for place in places
    ]
    return sorted(items, key=lambda item: item.key)


def _draw(place: _Place, size: int) -> None:
    picture, mask = render_demo(place.spec, size)
    _write_png(place.mask, mask.astype("uint8") * 255)
    _write_png(place.picture, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _write_png(path: Path, pixels: Array) -> None:
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise OSError(0, "the PNG encoder failed")
    write_whole(path, data.tobytes())
