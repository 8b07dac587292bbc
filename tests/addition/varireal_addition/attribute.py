"""Where the object is: a step to the side is possible, hanging in the air is not."""

from varireal.attributes import MOVED, Attribute

POSITION = Attribute(
    name="position",
    title="position",
    region=MOVED,
    measures=("changed_fraction", "leak_max", "leak_mean", "shift"),
    gates={"min_shift": 0.05},
    instruction="Move the {noun} {prompt}. Change nothing else.",
    questions={
        "feasible_1": {
            "ask": "Could a photo show the {class} at this place?",
            "twin": "Is it impossible that a photo shows the {class} at this place?",
        }
    },
    applies="varireal_addition.measure:has_room",
)
