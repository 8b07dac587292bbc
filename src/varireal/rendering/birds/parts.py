"""The parts of a bird, as numbers on its faces."""

TRUNK, WING, TAIL, BEAK, LEG, THIGH, EYE, PLUME = range(8)
SHEETS = (TAIL, LEG)  # parts with thin skins that may be seen from either side
