"""Medians, ratios, and how figures are written."""

import statistics


def median(values):
    """The middle of the rounds; ``None`` of none."""
    return statistics.median(values) if values else None


def spread(values):
    """How far the slowest round is from the fastest, as a part of the median: 0.1 is a tenth."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else None


def ratio(one, other):
    """``one / other``; ``None`` when either is unknown or there is nothing to divide by."""
    return one / other if one is not None and other else None


def each(seconds, operations):
    """Seconds an operation."""
    if operations < 1:
        raise ValueError("a workload that did nothing has no time an operation")
    return seconds / operations


def time(seconds):
    """``31 ns``, ``2.35 us``, ``120 ms``; three digits."""
    if seconds is None:
        return "-"
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{_digits(seconds / size)} {unit}"
    return f"{_digits(seconds)} s"


def rate(seconds):
    """Operations a second, of the seconds one takes: ``36.2 k/s``, ``1.3 M/s``."""
    if not seconds:
        return "-"
    value = 1 / seconds
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            return f"{_digits(value / size)} {unit}/s"
    return f"{_digits(value)} /s"


def times(value):
    """A ratio: ``4.20x``."""
    return "-" if value is None else f"{_digits(value)}x"


def _digits(value):
    if value < 0.0995:
        return f"{value:.2g}"
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def rotated(items, by):
    """The items, begun at another one each round, so that none always follows the same neighbour."""
    by = by % len(items) if items else 0
    return items[by:] + items[:by]


def table(head, rows):
    """Lines of aligned columns: the first to the left, the others to the right."""
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return lines
