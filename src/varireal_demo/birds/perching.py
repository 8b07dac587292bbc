"""Birds that perch upright: toucan, macaw, owl, sparrow, eagle."""

from varireal_demo.birds.species import Beak, BirdShape, BirdTail, Legs, Patch, Plumage, Plumes, Pose, Species

# Birds of the ground: peafowl, kiwi, quail, hoopoe.

_PLUMP = (
    (-0.58, -0.06, -0.59, -0.09, 0.04),
    (-0.46, 0.02, -0.44, -0.10, 0.10),
    (-0.32, 0.15, -0.28, -0.18, 0.19),
    (-0.10, 0.25, -0.05, -0.26, 0.25),
    (0.11, 0.27, 0.17, -0.22, 0.25),
    (0.25, 0.25, 0.36, -0.08, 0.21),
    (0.31, 0.26, 0.44, 0.05, 0.15),
)

PEAFOWL = Species(
    "peafowl",
    BirdShape(
        body=(
            (-0.66, 0.0, -0.67, -0.03, 0.04),
            (-0.48, 0.08, -0.46, -0.05, 0.09),
            (-0.32, 0.15, -0.28, -0.16, 0.16),
            (-0.10, 0.21, -0.05, -0.21, 0.20),
            (0.11, 0.24, 0.17, -0.17, 0.20),
            (0.25, 0.25, 0.36, -0.05, 0.17),
            (0.30, 0.31, 0.43, 0.09, 0.13),
        ),
        poses=(
            Pose(
                ((0.40, 0.32, 0.095), (0.43, 0.43, 0.075), (0.43, 0.54, 0.062), (0.43, 0.64, 0.058)),
                (0.465, 0.71, -0.05),
            ),
        ),
        head=0.18,
        beak=Beak(0.10, 0.055, 0.045, ((0, 0), (0.5, 0.0), (1, -0.18))),
        legs=Legs((0.0, -0.14), 0.19, 0.22, 0.018, 0.15, thigh=0.10),
        tail=BirdTail(1.30, 0.20, 0.12),
        eye=(2.60, 0.36, 0.014),
        plumes=(Plumes((2.50, 0.0), (-0.2, 1.0), 0.13, 0.007, -0.1, 5, 0.22),),
    ),
    {
        "cock": Plumage(
            "#1f7a5c",
            "#18406e",
            "#b09a78",
            "#8a5c34",
            "#6a4426",
            "#3d6a3c",
            "#8a8478",
            "#8a8074",
            fringe="#4a9c78",
            fringes=0.5,
            patches=(Patch("#1c3f9a", (0.7, 4.0)), Patch("#e6e2da", (2.4, 2.9), (0.42, 0.56), 0.03)),
            barring=0.5,
            gloss=0.7,
        ),
    },
)

KIWI = Species(
    "kiwi",
    BirdShape(
        body=_PLUMP,
        poses=(Pose(((0.41, 0.17, 0.120), (0.47, 0.22, 0.095)), (0.54, 0.28, -0.30)),),
        head=0.21,
        beak=Beak(0.36, 0.045, 0.04, ((0, 0), (0.5, -0.02), (1, -0.10)), (1, 0.7, 0.5, 0.4, 0.2)),
        legs=Legs((0.0, -0.18), 0.13, 0.16, 0.026, 0.16, thigh=0.10),
        tail=BirdTail(0.07, 0.04),
        wing=((0.70, 0.34, 0.36), (0.66, 0.32, 0.40), (0.62, 0.33, 0.40), (0.58, 0.34, 0.38)),
        wing_thickness=0.008,
        eye=(2.60, 0.34, 0.012),
    ),
    {
        "brown": Plumage(
            "#6f543a",
            "#80654a",
            "#6b5038",
            "#644a34",
            "#5c442f",
            "#6b5038",
            "#d8c6a4",
            "#a08a70",
            fringe="#8c7050",
            streaks=0.7,
            mottle=0.3,
        )
    },
)

QUAIL = Species(
    "quail",
    BirdShape(
        body=_PLUMP,
        poses=(Pose(((0.38, 0.22, 0.140), (0.40, 0.29, 0.120)), (0.445, 0.37, 0.0)),),
        head=0.24,
        beak=Beak(0.08, 0.065, 0.05, ((0, 0), (0.5, -0.02), (1, -0.22))),
        legs=Legs((0.02, -0.19), 0.08, 0.11, 0.017, 0.11, thigh=0.07),
        tail=BirdTail(0.14, 0.08, -0.2),
        eye=(2.60, 0.36, 0.017),
        plumes=(Plumes((2.62, 0.0), (0.2, 1.0), 0.13, 0.016, -0.2, 1),),
    ),
    {
        "grey": Plumage(
            "#6f6a62",
            "#b8a684",
            "#6c6052",
            "#5a4c3e",
            "#4c4034",
            "#6a6258",
            "#3a3632",
            "#8a8074",
            fringe="#d8ccb4",
            fringes=0.7,
            patches=(
                Patch("#7c8790", (0.8, 1.4), (0.3, 2.0)),
                Patch("#231f1e", (1.6, 3.1), (0.5, 2.0), 0.05),
                Patch("#6a4630", (2.0, 2.7), (-1, 0.22)),
            ),
            barring=0.35,
            streaks=0.3,
        ),
    },
)

HOOPOE = Species(
    "hoopoe",
    BirdShape(
        body=(
            (-0.62, -0.06, -0.63, -0.09, 0.03),
            (-0.44, 0.02, -0.42, -0.07, 0.07),
            (-0.30, 0.10, -0.26, -0.14, 0.14),
            (-0.10, 0.17, -0.04, -0.18, 0.18),
            (0.11, 0.21, 0.18, -0.13, 0.18),
            (0.24, 0.23, 0.35, -0.02, 0.15),
            (0.28, 0.28, 0.41, 0.09, 0.12),
        ),
        poses=(Pose(((0.37, 0.26, 0.105), (0.40, 0.33, 0.092)), (0.445, 0.40, 0.0)),),
        head=0.215,
        beak=Beak(0.30, 0.045, 0.035, ((0, 0), (0.4, -0.03), (0.75, -0.13), (1, -0.28)), (1, 0.72, 0.55, 0.4, 0.12)),
        legs=Legs((0.02, -0.13), 0.09, 0.10, 0.015, 0.10, thigh=0.06),
        tail=BirdTail(0.36, 0.07),
        eye=(2.60, 0.36, 0.015),
        plumes=(Plumes((2.40, 0.0), (-0.55, 0.9), 0.22, 0.018, 0.0, 6, 0.24),),
    ),
    {
        "cinnamon": Plumage(
            "#cf9468",
            "#e0bc98",
            "#e6e0d4",
            "#28262a",
            "#1f1d20",
            "#242226",
            "#34302e",
            "#5c5650",
            fringe="#2a2628",
            fringes=0.5,
            patches=(Patch("#d69b6c", (0.8, 4.0)),),
            barring=0.7,
        ),
    },
)


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
    BirdShape(
        body=_STEEP,
        poses=(Pose(((0.16, 0.36, 0.145), (0.17, 0.43, 0.135)), (0.21, 0.52, -0.05)),),
        head=0.28,
        beak=Beak(0.42, 0.15, 0.10, ((0, 0), (0.4, 0.03), (0.75, -0.03), (1, -0.16)), (0.9, 1, 0.92, 0.68, 0.14)),
        legs=Legs((0.0, -0.20), 0.08, 0.10, 0.018, 0.11, thigh=0.07, apart=0.35),
        tail=BirdTail(0.40, 0.07, 0.0),
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
    BirdShape(
        body=_STEEP,
        poses=(Pose(((0.16, 0.36, 0.150), (0.17, 0.43, 0.145)), (0.20, 0.53, -0.10)),),
        head=0.31,
        beak=Beak(0.17, 0.17, 0.11, _HOOKED, _HOOK_DEEP, _HOOK_WIDE),
        legs=Legs((0.0, -0.20), 0.06, 0.09, 0.020, 0.11, thigh=0.07, apart=0.35),
        tail=BirdTail(0.78, 0.06, 0.0),
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
    BirdShape(
        body=tuple((x0, y0, x1, y1, w * 1.12) for x0, y0, x1, y1, w in _STEEP),
        poses=(Pose(((0.14, 0.36, 0.185), (0.14, 0.43, 0.185)), (0.15, 0.55, 0.0)),),
        head=0.40,
        beak=Beak(0.09, 0.07, 0.06, _HOOKED, _HOOK_DEEP, _HOOK_WIDE),
        legs=Legs((0.02, -0.22), 0.07, 0.07, 0.026, 0.10, thigh=0.08, feathered=0.9, apart=0.38),
        tail=BirdTail(0.22, 0.09, 0.0),
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
    BirdShape(
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
        tail=BirdTail(0.34, 0.06, 0.05),
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
    BirdShape(
        body=_STEEP,
        poses=(Pose(((0.16, 0.37, 0.155), (0.19, 0.44, 0.135)), (0.245, 0.53, -0.05)),),
        head=0.27,
        beak=Beak(0.15, 0.12, 0.075, _HOOKED, _HOOK_DEEP, _HOOK_WIDE),
        legs=Legs((0.02, -0.18), 0.13, 0.10, 0.028, 0.14, thigh=0.11, feathered=0.9, apart=0.42),
        tail=BirdTail(0.34, 0.12, 0.0),
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
