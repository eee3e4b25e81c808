"""An accounting of disclosures as plain text and as a page of HTML. Pure."""

from __future__ import annotations

from html import escape

from engine.archive.accounting import TITLE, Account, Line, introduction, notes, when

_STYLE = """
body { font: 16px/1.5 Georgia, serif; color: #1b1b1b; background: #fff; max-width: 46rem;
  margin: 3rem auto; padding: 0 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: 1.5rem; }
ol { padding: 0; list-style: none; }
li { border-top: 1px solid #b9b9b9; padding: 1rem 0; break-inside: avoid; }
h2 { font-size: 1.05rem; margin: 0; }
address { font-style: normal; color: #4a4a4a; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .15rem 1rem; margin: .6rem 0 0; }
dt { color: #4a4a4a; }
dd { margin: 0; }
.note { margin: .6rem 0 0; padding-left: .75rem; border-left: 3px solid #8a5a00; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } }
"""


def as_text(account: Account) -> str:
    """For a terminal, or a letter."""
    parts = [TITLE.upper(), *introduction(account)]
    parts += [_text(number, line) for number, line in enumerate(account.lines, 1)]
    if not account.lines:
        parts.append("There were none in this time.")
    return "\n\n".join(parts) + "\n"


def _text(number: int, line: Line) -> str:
    rows = [
        f"{number}. {when(line)}",
        f"   To:      {line.recipient}",
        *([f"            {line.address}"] if line.address else []),
        f"   What:    {line.description}",
        f"   Why:     {line.purpose} ({line.basis})",
        *(f"   Note:    {note}" for note in notes(line)),
    ]
    return "\n".join(rows)


def as_html(account: Account) -> str:
    """One page, complete in itself."""
    items = "\n".join(_item(line) for line in account.lines)
    body = (
        f"<ol>\n{items}\n</ol>"
        if items
        else "<p><strong>There were none in this time.</strong></p>"
    )
    paragraphs = "\n".join(f"<p>{escape(text)}</p>" for text in introduction(account))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{TITLE}</h1>\n{paragraphs}\n{body}\n</main>\n</body>\n</html>\n"
    )


def _item(line: Line) -> str:
    address = f"\n<address>{escape(line.address)}</address>" if line.address else ""
    said = "".join(f'\n<p class="note">{escape(note)}</p>' for note in notes(line))
    rows = [("When", when(line)), ("What", line.description)]
    rows += [("Why", line.purpose), ("Legal basis", line.basis)]
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return f"<li>\n<h2>{escape(line.recipient)}</h2>{address}\n<dl>{listed}</dl>{said}\n</li>"
