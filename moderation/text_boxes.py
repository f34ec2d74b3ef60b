"""Where text stands in a picture: from a network's map of likelihoods to upright or slanted boxes, one a line.

The method is Differentiable Binarization (Liao et al., AAAI 2020): the network marks a shrunken core of each line; a
core's smallest rectangle, grown again in proportion to its area over its border, is the line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GROWTH = 1.6
_MIN_CORE_PX = 3.0
_ANGLES = np.deg2rad(np.arange(0.0, 90.0, 1.5))

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """A line of text: its corners, float64 [4, 2] as x and y, clockwise from the top left of the line's long side.

    `likelihood`: the network's, from 0 to 1, over the core.
    """

    corners: Points
    likelihood: float

    @property
    def size(self) -> tuple[float, float]:
        """Length along the line and height across it."""
        top_left, top_right, _, bottom_left = self.corners
        return float(np.linalg.norm(top_right - top_left)), float(np.linalg.norm(bottom_left - top_left))

    def turned(self) -> "Box":
        """The same box, read the other way round."""
        return Box(np.roll(self.corners, 2, axis=0), self.likelihood)


def find_boxes(likelihoods: NDArray[np.float32], *, at: float, mean_at: float) -> list[Box]:
    """The lines in a map, float32 [height, width] in [0, 1], in the map's own pixels.

    Args:
        at: a pixel belongs to a core from here on.
        mean_at: a core is a line if its pixels reach this on average.
    """
    boxes = []
    for runs in _cores(likelihoods >= at):
        likelihood = _mean(likelihoods, runs)
        if likelihood < mean_at:
            continue
        corners = _smallest_rectangle(_outline(runs))
        if corners is not None:
            boxes.append(Box(corners, likelihood))
    return boxes


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Which box comes when: lines from the top down, what stands at one height from left to right.

    "Down" is as the longest line has it, so that a turned page is read as it was written.
    """
    if not boxes:
        return []
    longest = max(boxes, key=lambda box: box.size[0])
    along = longest.corners[1] - longest.corners[0]
    along = along / np.linalg.norm(along)
    across = np.array([-along[1], along[0]])
    centres = [box.corners.mean(axis=0) for box in boxes]
    heights = [float(centre @ across) for centre in centres]
    waiting = sorted(range(len(boxes)), key=heights.__getitem__)
    order: list[int] = []
    while waiting:
        reach = heights[waiting[0]] + boxes[waiting[0]].size[1] / 2
        row = [index for index in waiting if heights[index] <= reach]
        order += sorted(row, key=lambda index: float(centres[index] @ along))
        waiting = waiting[len(row) :]
    return order


def _cores(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Connected areas of a mask, each as its runs, int64 [runs, 3]: row, first column, column after the last."""
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    runs = np.stack([rows, starts, ends], axis=1)
    parents = list(range(len(runs)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    firsts = np.searchsorted(rows, np.arange(mask.shape[0] + 1))
    for row in range(1, mask.shape[0]):
        above, here, end = (int(each) for each in firsts[row - 1 : row + 2])
        stop = here
        while above < stop and here < end:
            if starts[above] <= ends[here] and starts[here] <= ends[above]:
                parents[root(here)] = root(above)
            if ends[above] < ends[here]:
                above += 1
            else:
                here += 1
    owners = np.array([root(index) for index in range(len(runs))], dtype=np.int64)
    return [runs[owners == owner] for owner in np.unique(owners)]


def _mean(likelihoods: NDArray[np.float32], runs: NDArray[np.int64]) -> float:
    total = sum(float(likelihoods[row, start:end].sum()) for row, start, end in runs)
    return total / int((runs[:, 2] - runs[:, 1]).sum())


def _outline(runs: NDArray[np.int64]) -> Points:
    """The corners of all pixels at the ends of runs, [points, 2] as x and y."""
    rows, starts, ends = runs.T
    x = np.concatenate([starts, starts, ends, ends])
    y = np.concatenate([rows, rows + 1, rows, rows + 1])
    return np.stack([x, y], axis=1).astype(np.float64)


def _smallest_rectangle(points: Points) -> Points | None:
    """The corners of the smallest rectangle around a core, grown to the line; None if the core is a speck."""
    along = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    across = np.stack([-np.sin(_ANGLES), np.cos(_ANGLES)])
    first, second = points @ along, points @ across
    spans = np.ptp(first, axis=0), np.ptp(second, axis=0)
    best = int(np.argmin(spans[0] * spans[1]))
    length, height = float(spans[0][best]), float(spans[1][best])
    if min(length, height) < _MIN_CORE_PX:
        return None
    growth = _GROWTH * length * height / (2 * (length + height))
    centre = np.array([np.ptp(each[:, best]) / 2 + each[:, best].min() for each in (first, second)])
    axes = np.stack([along[:, best], across[:, best]])
    halves = np.array([length, height]) / 2 + growth
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners: Points = (centre + signs * halves) @ axes
    # The angle lies within a quarter turn; the line's direction is that of its longer side, read left to right or,
    # where it climbs steeply, from the bottom up.
    return corners if length >= height else np.roll(corners, 1, axis=0)
