"""The disclosure matrix as one page of HTML that a privacy officer can print and sign.

Law: the page needs nothing but itself: no script, no picture, no address that it would fetch. It is
read on a phone, on a screen and on A4 or Letter paper, and says of which revision it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from engine.cli.field_names import SEGMENTS, field_name
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask, Numbers
from engine.policy.telling.matrix import Row, Section, Sheet, Taken
from engine.policy.telling.wording import fields

_STYLE = """\
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1a1a1a;
  background: #fff; margin: 0 auto; max-width: 75rem; padding: 1rem 1.25rem 3rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 2px solid #1a4f7a;
  padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; }
.meta, .why, .place { color: #555; }
.why, .place { font-size: .85em; }
code, .id { font-family: ui-monospace, "DejaVu Sans Mono", Consolas, monospace; font-size: .93em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .25rem 0 .75rem; }
th, td { border: 1px solid #bbb; padding: .35rem .5rem; text-align: left; vertical-align: top;
  overflow-wrap: break-word; }
thead th { background: #eef3f7; font-weight: 600; }
tbody th { font-weight: 600; width: 15%; }
td.sent { width: 46%; }
ul { margin: 0; padding: 0; list-style: none; }
.sent ul { columns: 12rem; column-gap: 1rem; }
li { padding-left: 3.2em; text-indent: -3.2em; break-inside: avoid; }
li .id { display: inline-block; min-width: 3.1em; text-indent: 0; }
.withheld thead th { background: #f8ecec; }
.none { font-style: italic; }
nav ul { columns: 16rem; }
.sign { margin-top: 2rem; break-inside: avoid; }
.sign td { height: 3rem; width: 25%; }
@media (max-width: 40rem) {
  body { padding: .75rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
  thead { position: absolute; left: -10000px; }
  table, tbody, tr, th, td { display: block; width: 100% !important; border: 0; }
  tr { border: 1px solid #bbb; margin-bottom: .5rem; padding: .25rem 0; }
  td[data-label]:empty { display: none !important; }
  .sign td[data-label]:empty { display: block !important; }
  td[data-label]::before { content: attr(data-label) ": "; color: #555; }
  .sent ul { columns: auto; }
  .sign td { height: 4rem; }
}
@page { margin: 14mm 12mm 16mm; }
@media print {
  body { font-size: 9pt; max-width: none; padding: 0; }
  nav { display: none; }
  h2 { break-before: page; }
  h2, h3 { break-after: avoid; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
  thead th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section:first-of-type h2 { break-before: auto; }
}
"""

_META = (
    '<p class="meta">Policy revision <code>%s</code>, printed on %s.'
    " What stands here may be sent; nothing else is.</p>"
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def matrix_page(sheets: Iterable[Sheet], *, site: str, revision: str, day: str) -> str:
    """The whole page. `day` is the date that stands on it."""
    found = list(sheets)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Disclosure matrix of {escape(site)}, {escape(revision)}</title>",
            f"<style>\n{_STYLE}</style>\n</head>\n<body>",
            f"<h1>Disclosure matrix of {escape(site)}</h1>",
            _META % (escape(revision), escape(day)),
            *_contents(found),
            *(line for sheet in found for line in _sheet(sheet, revision, day)),
            "</body>\n</html>\n",
        ]
    )


def _contents(sheets: list[Sheet]) -> Iterator[str]:
    if len(sheets) > 1:
        entries = "".join(
            f'<li><a href="#{escape(sheet.channel)}">{escape(sheet.name)}</a></li>'
            for sheet in sheets
        )
        yield f"<nav><ul>{entries}</ul></nav>"


def _sheet(sheet: Sheet, revision: str, day: str) -> Iterator[str]:
    yield f'<section>\n<h2 id="{escape(sheet.channel)}">{escape(sheet.name)}'
    yield f' <span class="id">({escape(sheet.channel)})</span></h2>\n<dl>'
    for name, text in sheet.contract:
        yield f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
    ceiling = "; ".join(f"{segment} {fields(mask)}" for segment, mask in sheet.ceiling)
    yield f"<dt>Segments, at most</dt><dd>{escape(ceiling)}</dd>\n</dl>"
    for section in sheet.sections:
        yield from _section(section)
    if not sheet.sections:
        yield '<p class="none">Nothing is ever sent: no rule grants anything.</p>'
    yield from _signature(sheet, revision, day)
    yield "</section>"


def _section(section: Section) -> Iterator[str]:
    cancel = " (only where the event was disclosed)" if section.is_cancel else ""
    yield f"<h3>{escape(', '.join(section.types))}{cancel}</h3>"
    rows = map(_row, section.rows)
    yield from _table("", ("Segment", "Sent", "Only where", "Rule"), rows)
    rules = {row.rule: row for row in section.rows}.values()
    yield from _table("rules", ("Rule", "For", "When", "Legal basis, and why"), map(_rule, rules))
    if section.taken:
        head = ("Withheld", "When", "Rule, and why")
        yield from _table("withheld", head, map(_taken, section.taken))


def _table(kind: str, head: tuple[str, ...], rows: Iterable[str]) -> Iterator[str]:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    yield f'<table class="{kind}">\n<thead><tr>{cells}</tr></thead>\n<tbody>'
    yield from rows
    yield "</tbody>\n</table>"


def _row(row: Row) -> str:
    return (
        f'<tr><th scope="row">{_segment(row.segment)}</th>'
        f'<td class="sent" data-label="Sent">{_fields(row.segment, row.mask)}</td>'
        f'<td data-label="Only where">{_lines(row.where)}</td>'
        f'<td data-label="Rule"><span class="id">{escape(row.rule)}</span></td></tr>'
    )


def _rule(row: Row) -> str:
    return (
        f'<tr><th scope="row"><span class="id">{escape(row.rule)}</span></th>'
        f'<td data-label="For">{escape(row.purpose)}</td>'
        f'<td data-label="When">{_lines(row.when) or "always"}</td>'
        f'<td data-label="Legal basis">{escape(row.basis)}<br>'
        f'<span class="why">{escape(row.why)}</span></td></tr>'
    )


def _taken(taken: Taken) -> str:
    parts = "<br>".join(
        f'<span class="id">{escape(segment)}</span>'
        + ("" if mask.is_whole else f" {escape(fields(mask))}")
        for segment, mask in taken.parts
    )
    return (
        f'<tr><th scope="row">{parts or "The whole message"}</th>'
        f'<td data-label="When">{_lines(taken.when) or "always"}</td>'
        f'<td data-label="Rule"><span class="id">{escape(taken.rule)}</span><br>'
        f'<span class="why">{escape(taken.why)}</span></td></tr>'
    )


def _lines(asked: str) -> str:
    """Conditions, one a line."""
    return "<br>".join(escape(part) for part in asked.split("; ") if part)


def _segment(segment: str) -> str:
    name = SEGMENTS.get(segment, "")
    said = f'<span class="id">{escape(segment)}</span>'
    return said + (f'<br><span class="why">{escape(name)}</span>' if name else "")


def _fields(segment: str, mask: Mask) -> str:
    if mask.rest != NOTHING:
        return escape(f"{fields(mask)} fields" if mask.is_whole else fields(mask))
    entries = (
        f'<li><span class="id">{escape(number)}</span> {escape(name)}</li>'
        for number, name in _named(segment, mask)
    )
    return f"<ul>{''.join(entries)}</ul>"


def _named(segment: str, mask: Mask) -> Iterator[tuple[str, str]]:
    for number, parts in sorted(mask.fields.items()):
        if parts == EVERYTHING:
            yield str(number), field_name(segment, number)
        elif parts.inverted:
            text = fields(Mask(NOTHING, {number: parts}))
            yield text, field_name(segment, number)
        else:
            yield from _components(segment, number, parts)


def _components(segment: str, number: int, parts: Numbers) -> Iterator[tuple[str, str]]:
    for component in sorted(parts.members):
        yield f"{number}.{component}", field_name(segment, number, component)


def _signature(sheet: Sheet, revision: str, day: str) -> Iterator[str]:
    yield '<div class="sign">'
    yield (
        f"<p>Approved for {escape(sheet.name)}: revision <code>{escape(revision)}</code>,"
        f" printed on {escape(day)}.</p>"
    )
    yield '<table><thead><tr><th scope="col">Name</th><th scope="col">Role</th>'
    yield '<th scope="col">Date</th><th scope="col">Signature</th></tr></thead><tbody><tr>'
    for label in ("Name", "Role", "Date", "Signature"):
        yield f'<td data-label="{label}"></td>'
    yield "</tr></tbody></table></div>"
