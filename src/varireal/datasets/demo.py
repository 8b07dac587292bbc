"""The demo data set: rendered birds of eight species with exact masks, a biased train set and shifted test sets.

Train, val and test show each species in its usual places and plumage. ``test_background`` keeps the plumage and puts
the birds where train never shows them; ``test_plumage`` keeps the places and gives them an unusual look.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.datasets import demo_world as world
from varireal.datasets.demo_classes import DEMO_CLASSES
from varireal.names import TEST, TRAIN, VAL
from varireal.records import ClassInfo
from varireal.rendering.birds import SPECIES, Species, build_bird, draw_bird
from varireal.rendering.birds.species import Plumage
from varireal.rendering.camera import View, develop
from varireal.rendering.scenes import render_scene
from varireal.rendering.solids import Mesh, rotation
from varireal.rendering.staging import (
    Frame,
    compose,
    frame_subject,
    mirror_in_water,
    ring_of_water,
    sink,
    stand_on,
    without_crumbs,
)
from varireal.seeds import stable_int

DEMO_SPECIES: tuple[ClassInfo, ...] = tuple(ClassInfo(class_id, name) for class_id, name in DEMO_CLASSES)
TEST_BACKGROUND, TEST_PLUMAGE = "test_background", "test_plumage"

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
    counts = {TRAIN: train, VAL: val, TEST: test, TEST_BACKGROUND: test, TEST_PLUMAGE: test}
    return [
        _spec(seed, class_id, names[class_id], split, index)
        for class_id in species
        for split, count in counts.items()
        for index in range(count)
    ]


def _spec(study: int, class_id: str, name: str, split: str, index: int) -> DemoSpec:
    seed = stable_int("demo", study, class_id, split, index)
    rng = np.random.default_rng([seed, 0])
    first, second = world.HABITATS[class_id]
    scene = first if rng.random() < world.FIRST_PLACE else second
    usual, *others = SPECIES[class_id].plumages
    plumage = usual if rng.random() < world.USUAL_PLUMAGE or not others else others[int(rng.integers(len(others)))]
    if split == TEST_BACKGROUND:
        scene = str(rng.choice(world.unusual_scenes(class_id)))
    elif split == TEST_PLUMAGE:
        plumage = str(rng.choice(world.unusual_plumages(class_id)))
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
    surface = world.GROUND.get(scene_name, world.HARD)
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
    if surface == world.WATER:
        image = mirror_in_water(image, cutout, foot, rng, strength=float(rng.uniform(0.45, 0.75)))
        image = ring_of_water(image, cutout.alpha, foot)
    else:
        sun, ambient = np.asarray(light.sun, np.float32), np.asarray(light.ambient, np.float32)
        image = stand_on(image, staged.mesh, view, np.asarray(light.direction), staged.ground, sun, ambient)
        if surface == world.SOFT:
            cutout = sink(cutout, foot, 0.03 * size, rng)
    cutout = without_crumbs(cutout)
    picture = develop(compose(image, cutout), rng)
    return picture, cutout.alpha > 0.5


def _plumage(species: Species, name: str) -> Plumage:
    """A natural plumage of the species by name, or its first one in an unusual look."""
    natural = species.plumages.get(name)
    return natural if natural is not None else world.dyed(next(iter(species.plumages.values())), name)


def _stage(species: Species, surface: str, rng: np.random.Generator) -> tuple[_Staged, float]:
    """Pose and frame a bird, again while it comes out too small; also the height of the horizon."""
    tries: list[tuple[_Staged, float]] = []
    while len(tries) < _TRIES:
        heading = world.draw_heading(rng)
        stance = world.draw_stance(species.shape, surface, heading, rng)
        mesh, ground = build_bird(species.shape, stance)
        clip = surface == world.WATER
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
