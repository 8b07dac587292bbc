"""Birds that perch upright: toucan, macaw, owl, sparrow, eagle."""

from varireal.rendering.birds.species import Beak, Legs, Patch, Plumage, Plumes, Pose, Shape, Species, Tail

_HOOKED = ((0, 0), (0.45, 0.02), (0.85, -0.18), (0.95, -0.62))
_HOOK_DEEP = (1, 0.95, 0.72, 0.42, 0.10)
_HOOK_WIDE = (1, 0.85, 0.6, 0.35, 0.12)
# A trunk that is held steeply, from the tail below to the breast above.
_STEEP = (
    (-0.50, -0.52, -0.50, -0.55, 0.03),
    (-0.36, -0.28, -0.30, -0.34, 0.08),
    (-0.27, -0.14, -0.12, -0.29, 0.15),
    (-0.17, 0.02, 0.06, -0.20, 0.20),
    (-0.07, 0.16, 0.20, -0.04, 0.215),
    (0.00, 0.27, 0.27, 0.12, 0.20),
    (0.03, 0.34, 0.28, 0.25, 0.18),
)
_ROUND_HEAD = (
    (-0.48, -0.12, 0.08, -0.46, 0.40),
    (-0.47, 0.18, 0.20, -0.42, 0.44),
    (-0.28, 0.42, 0.28, -0.36, 0.45),
    (0.02, 0.46, 0.36, -0.28, 0.40),
    (0.27, 0.32, 0.42, -0.22, 0.30),
    (0.43, 0.14, 0.46, -0.14, 0.15),
)

TOUCAN = Species(
    "toucan",
    Shape(
        body=_STEEP,
        poses=(Pose(((0.16, 0.36, 0.145), (0.17, 0.43, 0.135)), (0.21, 0.52, -0.05)),),
        head=0.28,
        beak=Beak(0.42, 0.15, 0.10, ((0, 0), (0.4, 0.03), (0.75, -0.03), (1, -0.16)), (0.9, 1, 0.92, 0.68, 0.14)),
        legs=Legs((0.0, -0.20), 0.08, 0.10, 0.018, 0.11, thigh=0.07, apart=0.35),
        tail=Tail(0.40, 0.07, 0.0),
        profile=_ROUND_HEAD,
        eye=(2.55, 0.36, 0.020),
    ),
    {
        "toco": Plumage(
            back="#1d1b1f",
            belly="#1d1b1f",
            wing="#1a181c",
            flight="#161418",
            primaries="#121014",
            tail="#161418",
            beak="#e8862a",
            legs="#54708c",
            beak_tip="#1a1614",
            tip_from=0.88,
            fringe="#2c2a30",
            patches=(
                Patch("#f0e8d0", (0.75, 2.75), (0.50, 2.0), 0.05),
                Patch("#e0902c", (2.45, 2.8), (0.26, 0.48), 0.04),
            ),
            gloss=0.2,
        ),
    },
)

MACAW = Species(
    "macaw",
    Shape(
        body=_STEEP,
        poses=(Pose(((0.16, 0.36, 0.150), (0.17, 0.43, 0.145)), (0.20, 0.53, -0.10)),),
        head=0.31,
        beak=Beak(0.17, 0.17, 0.11, _HOOKED, _HOOK_DEEP, _HOOK_WIDE),
        legs=Legs((0.0, -0.20), 0.06, 0.09, 0.020, 0.11, thigh=0.07, apart=0.35),
        tail=Tail(0.78, 0.06, 0.0),
        profile=_ROUND_HEAD,
        eye=(2.58, 0.36, 0.019),
    ),
    {
        "scarlet": Plumage(
            back="#c32a22",
            belly="#cb3328",
            wing="#d8a428",
            flight="#2756a8",
            primaries="#1f3f8a",
            tail="#b8281f",
            beak="#e6dcc4",
            legs="#4a4640",
            beak_tip="#2a2622",
            tip_from=0.75,
            fringe="#d8643c",
            patches=(Patch("#e8dcd0", (2.45, 2.95), (0.30, 0.66), 0.05),),
            iris="#e6d68a",
        ),
        "blue": Plumage(
            back="#2a6cb8",
            belly="#e0a42c",
            wing="#2a68b4",
            flight="#2358a2",
            primaries="#1c437e",
            tail="#2a62ac",
            beak="#26242a",
            legs="#4a4640",
            fringe="#4a8cc8",
            patches=(
                Patch("#e8e2d8", (2.45, 2.95), (0.30, 0.66), 0.05),
                Patch("#3e8c4a", (2.5, 3.0), (-1, 0.2), 0.05),
            ),
            iris="#e6d68a",
        ),
    },
)

OWL = Species(
    "owl",
    Shape(
        body=tuple((x0, y0, x1, y1, w * 1.12) for x0, y0, x1, y1, w in _STEEP),
        poses=(Pose(((0.14, 0.36, 0.185), (0.14, 0.43, 0.185)), (0.15, 0.55, 0.0)),),
        head=0.40,
        beak=Beak(0.09, 0.07, 0.06, _HOOKED, _HOOK_DEEP, _HOOK_WIDE),
        legs=Legs((0.02, -0.22), 0.07, 0.07, 0.026, 0.10, thigh=0.08, feathered=0.9, apart=0.38),
        tail=Tail(0.22, 0.09, 0.0),
        profile=_ROUND_HEAD,
        eye=(2.80, 0.40, 0.040),
        plumes=(Plumes((2.45, 0.22), (-0.15, 1.0), 0.13, 0.030, 0.1, 1),),
    ),
    {
        "tawny": Plumage(
            back="#7c5e40",
            belly="#b9986c",
            wing="#6f5338",
            flight="#5c4630",
            primaries="#463624",
            tail="#6a5038",
            beak="#3a342c",
            legs="#b09468",
            fringe="#c8a878",
            fringes=0.5,
            patches=(Patch("#c2a27a", (2.6, 3.1), (0.14, 0.75), 0.06),),
            barring=0.6,
            streaks=0.7,
            iris="#e8962a",
        ),
        "snowy": Plumage(
            back="#e6e3dc",
            belly="#efede7",
            wing="#e0ddd5",
            flight="#d8d4ca",
            primaries="#c8c3b8",
            tail="#e2dfd8",
            beak="#2e2a26",
            legs="#e2dfd8",
            fringe="#8a8478",
            fringes=0.3,
            barring=0.35,
            iris="#e8c832",
        ),
    },
)

SPARROW = Species(
    "sparrow",
    Shape(
        body=(
            (-0.66, -0.12, -0.67, -0.15, 0.03),
            (-0.44, 0.02, -0.42, -0.08, 0.07),
            (-0.30, 0.11, -0.26, -0.17, 0.16),
            (-0.10, 0.20, -0.04, -0.23, 0.225),
            (0.10, 0.26, 0.17, -0.18, 0.235),
            (0.20, 0.30, 0.33, -0.05, 0.21),
            (0.24, 0.36, 0.39, 0.09, 0.18),
        ),
        poses=(Pose(((0.31, 0.30, 0.160), (0.33, 0.36, 0.148)), (0.375, 0.43, 0.0)),),
        head=0.31,
        beak=Beak(0.11, 0.095, 0.08, ((0, 0), (0.5, -0.03), (1, -0.10)), (1, 0.80, 0.58, 0.34, 0.06)),
        legs=Legs((0.02, -0.17), 0.10, 0.13, 0.014, 0.12, thigh=0.06),
        tail=Tail(0.34, 0.06, 0.05),
        eye=(2.58, 0.36, 0.022),
    ),
    {
        "cock": Plumage(
            back="#7a5232",
            belly="#b8b0a2",
            wing="#7e5432",
            flight="#5a4632",
            primaries="#463a2e",
            tail="#54483a",
            beak="#2e2a26",
            legs="#b08468",
            fringe="#c89c6c",
            fringes=0.6,
            patches=(
                Patch("#a8a49a", (1.0, 2.7), (0.3, 0.8)),
                Patch("#6c6862", (2.1, 3.0), (-1, 0.2), 0.05),
                Patch("#221e1c", (0.9, 3.1), (0.80, 2.0), 0.05),
            ),
            streaks=0.3,
        ),
    },
)

EAGLE = Species(
    "eagle",
    Shape(
        body=_STEEP,
        poses=(Pose(((0.16, 0.37, 0.155), (0.19, 0.44, 0.135)), (0.245, 0.53, -0.05)),),
        head=0.27,
        beak=Beak(0.15, 0.12, 0.075, _HOOKED, _HOOK_DEEP, _HOOK_WIDE),
        legs=Legs((0.02, -0.18), 0.13, 0.10, 0.028, 0.14, thigh=0.11, feathered=0.9, apart=0.42),
        tail=Tail(0.34, 0.12, 0.0),
        eye=(2.62, 0.34, 0.018),
    ),
    {
        "bald": Plumage(
            back="#4c3828",
            belly="#53402e",
            wing="#463424",
            flight="#38291d",
            primaries="#2a2018",
            tail="#ece8e0",
            beak="#e2aa2e",
            legs="#dca432",
            fringe="#7c624a",
            fringes=0.5,
            patches=(Patch("#ece8e0", (1.25, 4.0), (-1, 2), 0.1),),
            iris="#e6d070",
        ),
    },
)
