"""The contrast of two colours, as WCAG 2.2 defines it (success criterion 1.4.3)."""

import re


def contrast(one, other):
    """Return the contrast of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color):
    """Return how bright "#010203" or "rgb(1, 2, 3)" is, 0 to 1."""
    if color.startswith("#"):
        numbers = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    else:
        numbers = [int(number) for number in re.findall(r"\d+", color)[:3]]
    parts = [number / 255 for number in numbers]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
