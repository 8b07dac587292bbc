"""The mean of a table seeds x pictures, where both the seeds and the pictures are samples: its error and its tests.

The model is the crossed random-effects one without replicates, ``y[s, i] = mean + picture[i] + seed[s] + rest[s, i]``,
so ``Var(mean) = v_picture / N + v_seed / S + v_rest / (N S)``; the parts come from the mean squares of the two-way
analysis of variance (Searle, Casella & McCulloch 1992, *Variance Components*, ch. 4). It is how multi-reader studies
treat readers and cases, with seeds as readers.

The critical value is the larger of two. Satterthwaite's t has the degrees of freedom of Hillis (2007, Statistics in
Medicine 26:596), where few readers are met. Cochran & Cox (1950, *Experimental Designs*, sec. 4.14) weigh the critical
values of t with S - 1 and N - 1 degrees by the shares of the variance. The first alone is too narrow with three seeds
when seeds dominate (92 % where 95 % is claimed), the second alone when the rest dominates (91 %); the larger holds
93 % or more from three seeds on, and 98 % or less. Two seeds are too few for any usable interval: down to 89 %.

Wald intervals fail where nearly all values agree: where all do, the variance is zero. As Agresti & Coull do (1998, The
American Statistician 52:119) for one share and Bonett & Price (2012, Statistics in Medicine 31:478) for paired ones,
imagined pictures are added: two at either end of the scale. N pictures that all agree then leave about 4 / N open, a
little more than the rule of three. The price is a cautious interval where the test set is tiny or few pictures differ.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from varireal.records import Array

IMAGINED = 2  # pictures at either end of the scale
SMALLEST_P = 1e-100  # below it scipy's quantiles of t are wrong


@dataclass(frozen=True, slots=True)
class Crossed:
    """The mean of a crossed table and the parts of its variance.

    Attributes:
        centre: mean with the imagined pictures; the middle of the interval.
        pictures: pictures with the imagined ones.
        seeds: seeds; with one, ``v_picture`` holds all the variance and seeds are taken as fixed.
        v_picture: variance between pictures.
        v_seed: variance between seeds, 0 or more.
        v_rest: variance of what neither explains.
        seed_square: mean square of the seeds over N S, whose S - 1 degrees of freedom the interval pays for; 0 with
            one seed.
    """

    centre: float
    pictures: int
    seeds: int
    v_picture: float
    v_seed: float
    v_rest: float
    seed_square: float

    @property
    def from_pictures(self) -> float:
        """Part of the mean's variance that shrinks with more pictures."""
        return (self.v_picture + self.v_rest / self.seeds) / self.pictures

    @property
    def from_seeds(self) -> float:
        """Part of the mean's variance that no number of pictures removes."""
        return self.v_seed / self.seeds

    @property
    def standard_error(self) -> float:
        """Standard error of the mean; above zero, thanks to the imagined pictures."""
        return float(np.sqrt(self.from_pictures + self.from_seeds))

    @property
    def degrees(self) -> float:
        """Satterthwaite's degrees of freedom of the squared standard error."""
        total = self.from_pictures + self.from_seeds
        squares = self.from_pictures**2 / (self.pictures - 1)
        if self.seeds > 1:
            squares += self.seed_square**2 / (self.seeds - 1)
        return total**2 / squares

    def critical(self, alpha: float) -> float:
        """Return the half width of the two-sided ``1 - alpha`` interval in standard errors."""
        satterthwaite = _upper(alpha / 2, self.degrees)
        if self.seeds == 1:
            return satterthwaite
        share = self.from_seeds / (self.from_pictures + self.from_seeds)
        few = _upper(alpha / 2, self.seeds - 1)
        many = _upper(alpha / 2, self.pictures - 1)
        return max(satterthwaite, share * few + (1 - share) * many)

    def half_width(self, alpha: float) -> float:
        """Return the half width of the two-sided ``1 - alpha`` interval."""
        return self.critical(alpha) * self.standard_error

    def resized(self, pictures: int, seeds: int) -> "Crossed":
        """Return what is to be expected of a table of another size, from the same parts of the variance.

        Args:
            pictures: pictures in all, without the imagined ones.
            seeds: seeds in all; 2 or more unless the estimate itself has one seed.
        """
        rows = pictures + 2 * IMAGINED
        square = self.v_seed / seeds + self.v_rest / (rows * seeds)
        return replace(self, pictures=rows, seeds=seeds, seed_square=square)

    def two_sided(self, against: float) -> float:
        """Return the p value of "the mean is ``against``": the alpha whose interval ends there."""
        distance = abs(self.centre - against) / self.standard_error

        def excess(log_alpha: float) -> float:
            return self.critical(float(np.exp(log_alpha))) - distance

        lowest = float(np.log(SMALLEST_P))
        if distance == 0.0:
            return 1.0
        if excess(lowest) <= 0:
            return SMALLEST_P
        return float(np.exp(scipy.optimize.brentq(excess, lowest, 0.0, xtol=1e-12)))

    def above(self, against: float) -> float:
        """Return the one-sided p value of "the mean is ``against`` or less"; small when it is clearly more."""
        p = self.two_sided(against) / 2
        return p if self.centre > against else 1 - p

    def below(self, against: float) -> float:
        """Return the one-sided p value of "the mean is ``against`` or more"; small when it is clearly less."""
        p = self.two_sided(against) / 2
        return p if self.centre < against else 1 - p


def _upper(tail: float, degrees: float) -> float:
    """Return the value that Student's t exceeds with probability ``tail``; much faster than ``scipy.stats.t``."""
    return -float(scipy.special.stdtrit(degrees, tail))


def with_imagined(values: Array, low: float, high: float) -> Array:
    """Return a table (S, N) with the imagined pictures at either end of the scale after it, of the same type."""
    ends = np.tile(np.repeat([low, high], IMAGINED), (values.shape[0], 1))
    return np.concatenate([values, ends.astype(values.dtype)], axis=1)


def crossed(values: Array, low: float, high: float) -> Crossed:
    """Estimate the mean of a table and the parts of its variance.

    Args:
        values: (S, N) float or bool, seeds x pictures, each ``low`` to ``high``; S and N at least 1.
        low: lower end of the scale.
        high: upper end of the scale.

    Returns:
        The estimate. Negative components are put to zero, as Hillis does.
    """
    seeds = values.shape[0]
    table = with_imagined(values.astype(np.float64), low, high)
    pictures = table.shape[1]
    centre = float(table.mean())
    by_picture = table.mean(axis=0) - centre
    ms_picture = seeds * float(by_picture @ by_picture) / (pictures - 1)
    if seeds == 1:
        return Crossed(centre, pictures, 1, ms_picture, 0.0, 0.0, 0.0)
    by_seed = table.mean(axis=1) - centre
    rest = table - centre - by_picture - by_seed[:, None]
    ms_seed = pictures * float(by_seed @ by_seed) / (seeds - 1)
    ms_rest = float(np.square(rest).sum()) / ((pictures - 1) * (seeds - 1))
    return Crossed(
        centre=centre,
        pictures=pictures,
        seeds=seeds,
        v_picture=max(ms_picture - ms_rest, 0.0) / seeds,
        v_seed=max(ms_seed - ms_rest, 0.0) / pictures,
        v_rest=ms_rest,
        seed_square=ms_seed / (pictures * seeds),
    )
