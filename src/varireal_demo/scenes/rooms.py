"""Rooms: the shell of walls, floor and ceiling, lamps and windows, and furniture made of boxes."""

from dataclasses import dataclass

import numpy as np

from varireal.editors.shading import linear, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import Canvas, disc_blur
from varireal_demo.scenes.grounds import contact
from varireal_demo.scenes.surfaces import Paint, boards, box, cloth, face, plain, shining


@dataclass(frozen=True)
class Shell:
    """A room: ``left`` and ``right`` walls (x), the ``back`` wall (z) and the ceiling's ``height``, in metres."""

    left: float
    right: float
    back: float
    height: float


def enclose(
    canvas: Canvas, shell: Shell, *, floor: Paint, wall: Paint, ceiling: Paint, side: Paint | None = None
) -> None:
    """Paint the shell of a room, darker along its edges (less light reaches them)."""
    wide = shell.right - shell.left
    front = 0.0
    deep = shell.back - front
    canvas.haze_distance = 1e5
    sides = side or wall
    face(canvas, (shell.left, shell.height, front), (wide, 0, 0), (0, 0, deep), ceiling)
    face(canvas, (shell.left, 0, front), (wide, 0, 0), (0, 0, deep), floor)
    face(canvas, (shell.left, 0, shell.back), (wide, 0, 0), (0, shell.height, 0), wall)
    face(canvas, (shell.left, 0, front), (0, 0, deep), (0, shell.height, 0), sides)
    face(canvas, (shell.right, 0, front), (0, 0, deep), (0, shell.height, 0), sides)
    _edges(canvas, shell)


def _edges(canvas: Canvas, shell: Shell) -> None:
    """Darken the room along its inner edges."""
    dy = canvas.horizon - canvas.y
    z = np.minimum(canvas.depth, shell.back)
    x, y = canvas.x * z, canvas.eye + dy * z
    gaps = np.stack([x - shell.left, shell.right - x, y + 0 * x, shell.height - y + 0 * x, shell.back - z])
    gaps = np.sort(np.abs(gaps), axis=0)[1]  # the surface itself is at 0; the next one makes the edge
    canvas.image *= (1 - 0.38 * np.exp(-gaps / 0.22))[..., None].astype(np.float32)


def lamp(canvas: Canvas, position: tuple[float, float, float], color: str, power: float) -> None:
    """Add a light; ``power`` is what a surface one metre away gets."""
    canvas.lamps.append((np.array(position, np.float32), linear(color) * np.float32(power)))


def main_light(
    canvas: Canvas, direction: tuple[float, float, float], color: str, power: float, ambient: Array
) -> None:
    """State the light that a subject in the room gets."""
    canvas.set_light(*direction)
    canvas.sun = linear(color) * np.float32(power)
    canvas.ambient = np.asarray(ambient, np.float32)


def window(canvas: Canvas, x: float, z: float, size: tuple[float, float], sill: float, *, wall: str = "back") -> None:
    """Put a bright window with a frame into the back wall at ``z``, or into a side wall at ``x``."""
    wide, tall = size
    view = shining(canvas.pick(("#cfdde6", "#dfe6e2", "#c6d6c2", "#e6e2d4")), canvas.uniform(1.0, 1.7), mottle=0.25)
    frame_paint = plain("#e4e0d8", grain=0.02)
    bars: list[tuple[float, float, float, float]] = [
        (-0.06, -0.06, wide + 0.12, 0.06),
        (-0.06, tall, wide + 0.12, 0.06),
    ]
    bars += [(-0.06, 0, 0.06, tall), (wide, 0, 0.06, tall), (wide / 2 - 0.02, 0, 0.04, tall)]

    def put(a: float, b: float, w: float, h: float, paint: Paint) -> None:
        if wall == "back":
            face(canvas, (x + a, sill + b, z - 0.01), (w, 0, 0), (0, h, 0), paint)
        else:
            face(canvas, (x, sill + b, z + a), (0, 0, w), (0, h, 0), paint)

    put(0, 0, wide, tall, view)
    for bar in bars:
        put(*bar, frame_paint)


def gloss(canvas: Canvas, back: float, strength: float, blur: float = 0.012) -> None:
    """Let a smooth floor mirror the room: rows below the back wall's foot mirror those above it."""
    foot = canvas.row_of(back) * canvas.height
    top = int(np.clip(np.ceil(foot), 0, canvas.height))
    rows = np.arange(top, canvas.height)
    source = np.clip(np.round(2 * foot - rows).astype(int), 0, canvas.height - 1)
    mirrored = disc_blur(np.ascontiguousarray(canvas.image[source]), blur * canvas.height)
    share = strength * smoothstep(0.75, 0.0, (canvas.y[top:] - foot / canvas.height))
    on_floor = np.abs(canvas.depth[top:] - canvas.eye / (canvas.y[top:] - canvas.horizon + 1e-6)) < 0.25
    share = (share * on_floor)[..., None]
    canvas.image[top:] = canvas.image[top:] * (1 - 0.6 * share) + mirrored * share


def table(
    canvas: Canvas, x: float, z: float, size: tuple[float, float, float], paint: Paint, *, yaw: float = 0.0
) -> None:
    """A table: four legs and a top."""
    wide, tall, deep = size
    thick = 0.06
    contact(canvas, x, z, wide * 0.5, 0.45)
    for sx in (-1, 1):
        for sz in (-1, 1):
            ox, oz = sx * (wide / 2 - 0.05), sz * (deep / 2 - 0.05)
            lx = x + ox * np.cos(yaw) - oz * np.sin(yaw)
            lz = z + ox * np.sin(yaw) + oz * np.cos(yaw)
            box(canvas, (lx, lz), (0.06, tall - thick, 0.06), paint, yaw=yaw)
    # The top comes after its legs, whatever their distance.
    box(canvas, (x, z - 0.3 * deep), (wide, thick, deep), paint, base=tall - thick, yaw=yaw)


def chair(canvas: Canvas, x: float, z: float, paint: Paint, *, yaw: float = 0.0, seat: float = 0.45) -> None:
    """A chair with a straight back."""
    table(canvas, x, z, (0.44, seat, 0.44), paint, yaw=yaw)
    bx, bz = x - 0.2 * np.sin(yaw), z + 0.2 * np.cos(yaw)
    box(canvas, (bx, bz), (0.44, 0.42, 0.05), paint, base=seat, yaw=yaw)


def sofa(canvas: Canvas, x: float, z: float, wide: float, color: str, *, yaw: float = 0.0) -> None:
    """A sofa with arms and cushions."""
    cover = cloth(color)
    contact(canvas, x, z, wide * 0.55, 0.6)

    def part(ox: float, oz: float, size: tuple[float, float, float], base: float, paint: Paint) -> None:
        px, pz = x + ox * np.cos(yaw) - oz * np.sin(yaw), z + ox * np.sin(yaw) + oz * np.cos(yaw)
        box(canvas, (px, pz), size, paint, base=base, yaw=yaw, bevel=0.05)

    part(0, 0.34, (wide, 0.78, 0.24), 0.06, cover)
    part(0, 0.0, (wide, 0.3, 0.8), 0.06, cover)
    count = 2 if wide < 1.9 else 3
    each = (wide - 0.4) / count
    for i in range(count):
        ox = -wide / 2 + 0.2 + each * (i + 0.5)
        part(ox, 0.14, (each * 0.96, 0.42, 0.16), 0.42, cover)
        part(ox, -0.06, (each * 0.97, 0.14, 0.7), 0.36, cover)
    for side in (-1, 1):
        part(side * (wide / 2 - 0.1), -0.08, (0.2, 0.56, 0.84), 0.06, cover)
    if canvas.chance(0.8):
        accent = cloth(canvas.pick(("#b58a3c", "#7a3f35", "#d2c6ae", "#3f5a5a", "#8f8577")))
        part(canvas.uniform(-0.4, 0.4) * wide, -0.12, (0.42, 0.36, 0.12), 0.5, accent)


def picture(
    canvas: Canvas, x: float, z: float, size: tuple[float, float], base: float, color: str, *, grain: float = 0.4
) -> None:
    """A framed picture or board on the back wall; ``grain`` is how much its tones vary."""
    wide, tall = size
    face(canvas, (x, base, z - 0.02), (wide, 0, 0), (0, tall, 0), boards(("#2f241b", "#4a3a2b"), 0.3))
    rim = 0.08 * wide
    face(
        canvas,
        (x + rim, base + rim, z - 0.03),
        (wide - 2 * rim, 0, 0),
        (0, tall - 2 * rim, 0),
        plain(color, grain=grain, period=1.9, kind="smooth"),
    )
