"""A chart in SVG: one strip of bars for each series over the same periods, each with a scale of its own."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

_LEFT, _WIDTH, _STRIP, _BAR_HEIGHT, _TOP = 50, 700, 96, 52, 40
_COLOURS = ("#2a6f97", "#52796f", "#bc6c25", "#9b2226", "#6d597a", "#555555", "#386641", "#b56576")


def strips(title: str, periods: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """Return the chart of each series' counts, one for each period in order; with no period it says so."""
    height = _TOP + _STRIP * max(len(series), 1) + 20
    width = _LEFT + _WIDTH + 20
    body = list(_bars(periods, series)) or [_text(_LEFT, _TOP + 20, "0")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11" role="img">\n<title>{escape(title)}</title>\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
        f"{_text(10, 22, title, size=14)}\n{chr(10).join(body)}\n</svg>\n"
    )


def _bars(periods: Sequence[str], series: Mapping[str, Sequence[int]]) -> Iterator[str]:
    step = _WIDTH / max(len(periods), 1)
    for row, (name, counts) in enumerate(series.items()):
        bottom = _TOP + _STRIP * row + _BAR_HEIGHT + 22
        most = max(counts, default=0)
        colour = _COLOURS[row % len(_COLOURS)]
        yield _text(_LEFT, bottom - _BAR_HEIGHT - 5, name)
        yield _text(8, bottom - _BAR_HEIGHT + 10, str(most))
        yield f'<line x1="{_LEFT}" y1="{bottom}" x2="{_LEFT + _WIDTH}" y2="{bottom}" stroke="#999"/>'
        for column, (period, count) in enumerate(zip(periods, counts, strict=True)):
            tall = _BAR_HEIGHT * count / most if most else 0
            place = f'x="{_LEFT + column * step:.1f}" y="{bottom - tall:.1f}"'
            size = f'width="{max(step * 0.8, 0.5):.1f}" height="{tall:.1f}"'
            hint = f"<title>{escape(f'{period}: {count}')}</title>"
            yield f'<rect {place} {size} fill="{colour}">{hint}</rect>'
        for column in sorted({0, len(periods) - 1}) if periods else ():
            yield _text(_LEFT + column * step, bottom + 13, periods[column])


def _text(x: float, y: float, text: str, size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}">{escape(text)}</text>'
