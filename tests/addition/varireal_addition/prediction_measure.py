"""How sure a classifier is of the right class."""

from varireal.records import Array, PredictionMeasure


def of_the_true_class(probabilities: Array, labels: Array) -> Array:
    """Probability of the true class, (S, N), of probabilities (S, N, C) and labels (N,)."""
    return probabilities[:, range(len(labels)), labels]


SURENESS = PredictionMeasure(
    name="sureness",
    label="Probability of the true class",
    doc="Mean probability that the classifier gives to the true class, 0 to 1.",
    per_picture=of_the_true_class,
    scale=(0.0, 1.0),
    direction="higher",
    margin=0.01,
    family="sureness",
)
