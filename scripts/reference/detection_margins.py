"""How far the decisions of a detector are from turning out otherwise: distances to thresholds, between
scores whose order matters, to the next level, count of samples or pixel. A golden whose smallest distance
is below LEAST is refused: another order of sums could decide otherwise."""
import torch
from torchvision.ops import box_iou

LEAST = 1e-4


class Margins:
    def __init__(self):
        self.smallest = {}

    def add(self, name, distances):
        distances = torch.as_tensor(distances, dtype=torch.float64)
        if distances.numel():
            value = float(distances.min())
            self.smallest[name] = min(value, self.smallest.get(name, value))

    def threshold(self, name, values, *limits):
        for limit in limits:
            self.add(name, (values - limit).abs())

    def order(self, name, scores):
        """All scores are far from each other."""
        if len(scores) > 1:
            self.add(name, scores.sort().values.diff())

    def cut(self, name, scores, count):
        """The best `count` of them."""
        if len(scores) > count:
            best = scores.sort(descending=True).values
            self.add(name, best[count - 1] - best[count])

    def nms(self, name, boxes, scores, limit):
        first, second = torch.triu_indices(len(boxes), len(boxes), 1)
        quality = box_iou(boxes, boxes)[first, second]
        self.threshold(name + ", IoU", quality, limit)
        near = quality > limit - LEAST
        self.add(name + ", order", (scores[first] - scores[second]).abs()[near])

    def matches(self, name, quality, low, high, minimum=None):
        """quality (G, A). With a minimum, every object whose best box is at least as good gets that box."""
        if not quality.numel():
            return
        best = quality.max(0).values
        self.threshold(name + ", IoU", best, low, high)
        matter = best >= low
        if minimum is not None:
            rows = quality.max(1).values
            self.threshold(name + ", minimum", rows, *([minimum] if minimum > 0 else []))
            behind = (rows[:, None] - quality)[rows >= minimum]
            self.add(name + ", best box", behind[behind > 0])  # boxes of the same quality are equals
            matter = matter | (quality == rows[:, None])[rows >= minimum].any(0)
        if len(quality) > 1:
            two = quality[:, matter].topk(2, 0).values
            self.add(name + ", best object", two[0] - two[1])

    def levels(self, name, boxes):
        """Level k begins at √area = 56 · 2ᵏ, by both rules."""
        side = torch.log2((boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt() / 56)
        self.threshold(name, side, 1, 2, 3)

    def whole(self, name, values):
        """No value is near a whole number, or it is one."""
        distance = (values - values.round()).abs()
        self.add(name, distance[distance > 0])

    def sizes(self, name, boxes, least):
        """Boxes with a side not above `least` are dropped; a clipped one may have exactly 0."""
        sides = boxes[:, 2:] - boxes[:, :2]
        self.add(name, (sides - least).abs()[(sides != 0) | (least > 0)])

    def refused(self):
        return {name: value for name, value in self.smallest.items() if value < LEAST}
