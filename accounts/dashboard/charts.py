"""Charts as SVG: this module turns numbers into rectangles; colours and texts are in the page.

Sizes are in units of a box that the page stretches, so the SVG has no text in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 200
GAP = 0.28  # of a day's width


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle: its series and its position."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One day: its bars from the bottom up, and its texts."""

    x: float
    width: float
    bars: list[Bar]
    label: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        """Return the sum of the column's values."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked columns with a scale that ends on a round number."""

    columns: list[Column]
    top: int
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def middle(self) -> int:
        """Return the value of the line at half height."""
        return self.top // 2

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing happened at all."""
        return not any(column.total for column in self.columns)


def stacked(labels: Sequence[str], rows: Sequence[Sequence[int]]) -> Chart:
    """Return a chart with one column a label, stacked from its row of values."""
    top = round_up(max((sum(row) for row in rows), default=0))
    step = WIDTH / max(1, len(labels))
    columns = [
        _column(label, row, x=number * step, step=step, top=top)
        for number, (label, row) in enumerate(zip(labels, rows, strict=True))
    ]
    return Chart(columns, top)


def _column(label: str, row: Sequence[int], *, x: float, step: float, top: int) -> Column:
    bars, ground = [], float(HEIGHT)
    inner = x + step * GAP / 2
    for series, value in enumerate(row, 1):
        height = value * HEIGHT / top
        ground -= height
        if value:
            bars.append(Bar(series, round(inner, 1), round(ground, 1), round(step * (1 - GAP), 1), round(height, 1)))
    return Column(round(x, 1), round(step, 1), bars, label, row)


def round_up(highest: int) -> int:
    """Return the end of a scale with a whole number at its middle: 4, 6, 8, 10, 20."""
    highest = max(highest, 4)
    tens = int(10 ** (len(str(highest)) - 1))
    return next(step * tens for step in (1, 2, 4, 6, 8, 10) if step * tens >= highest)
