"""A picture of a run for the documentation: bars, drawn as SVG text."""

from xml.sax.saxutils import escape

from benchmarks import report

#: What is drawn, in this order: workload, figure, title.
PANELS = [
    ("down-1", "CPU a GB", "A GB to the client, CPU s"),
    ("up-1", "CPU a GB", "A GB to the target, CPU s"),
    ("echo-100", "CPU an echo", "An echo, 100 clients, CPU µs"),
    ("open-1", "CPU a session", "Open and close, CPU ms"),
    ("idle", "memory a session", "An idle session, KB"),
    ("stall", "growth", "A stalled receiver, MB held"),
]
WIDTH, LABEL, ROOM, BAR, GAP, TITLE = 720, 110, 90, 16, 6, 30
#: Readable on a white and on a black page.
COLOURS = {report.OURS: "#d9480f"}
OTHER = "#868e96"


def panel(top: int, title: str, values: list[tuple[str, float]]) -> tuple[list[str], int]:
    """The bars of one figure; → SVG elements and where they end. Each panel has its own scale."""
    lines = [f'<text x="0" y="{top + 18}" class="title">{escape(title)}</text>']
    top += TITLE
    largest = max(value for _, value in values) or 1
    for name, value in values:
        width = max(1, round((WIDTH - LABEL - ROOM) * max(value, 0) / largest))
        lines += [
            f'<text x="{LABEL - 8}" y="{top + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{top}" width="{width}" height="{BAR}"'
            f' fill="{COLOURS.get(name, OTHER)}"/>',
            f'<text x="{LABEL + width + 6}" y="{top + 12}">{report.number(value)}</text>']
        top += BAR + GAP
    return lines, top


def svg(rows: list[report.Row], peers: list[str]) -> str:
    """The whole picture, of those figures that the run has."""
    lines: list[str] = []
    top = 0
    for workload, figure, title in PANELS:
        values = [(peer, report.find(rows, peer, workload, figure))
                  for peer in peers if peer != "direct"]
        known = [(peer, value) for peer, value in values if value is not None]
        if known:
            more, top = panel(top, title, known)
            lines += more
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + GAP}"'
        f' width="{WIDTH}" height="{top + GAP}">',
        '<style>text { font: 12px sans-serif; fill: #868e96 } .title { font-weight: bold }</style>',
        *lines, "</svg>", ""])
