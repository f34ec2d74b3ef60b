"""The page that shows the story with its pictures: one HTML file, readable without the gate."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from gateway.demo.story import Chapter, timeline

STYLE = """
:root { color-scheme: light dark; --ink: #1c1b19; --paper: #faf8f4; --line: #d9d4ca; --dim: #6b665d; --mark: #8a1c1c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ece8e0; --paper: #181715; --line: #3a3732; --dim: #a19b90; --mark: #e58a7c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 Georgia, 'Times New Roman', serif; }
main { max-width: 46rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 2.4rem; line-height: 1.1; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 0 0 .4rem; }
.lead { color: var(--dim); margin: 0 0 2.5rem; }
article { border-top: 1px solid var(--line); padding: 1.75rem 0; display: grid; gap: 1.25rem;
          grid-template-columns: minmax(0, 1fr) 10rem; }
article > div { min-width: 0; }
code { font: .84em/1.4 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.prompt { color: var(--mark); margin: 0 0 .6rem; }
img { width: 10rem; height: 10rem; image-rendering: auto; border: 1px solid var(--line); }
.none { width: 10rem; height: 10rem; border: 1px dashed var(--line); display: grid; place-items: center;
        color: var(--dim); font-size: .85rem; text-align: center; padding: 1rem; }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--dim); font-size: .9rem; }
table { border-collapse: collapse; width: 100%; margin-top: .5rem; font-size: .84rem; }
td { padding: .2rem .8rem .2rem 0; border-top: 1px solid var(--line); vertical-align: top; }
@media (max-width: 34rem) { article { grid-template-columns: 1fr; } }
"""


def write(folder: Path, chapters: Sequence[Chapter], proof: Sequence[str]) -> Path:
    """Write `index.html` beside the pictures; its path."""
    body = "".join(_chapter(chapter) for chapter in chapters)
    proved = "".join(f"<p>{escape(line)}</p>" for line in proof)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Imprimatur: the demo</title><style>{STYLE}</style></head><body><main><h1>Let it be printed</h1>"
        '<p class="lead">Four requests on their way through a running gate, as it was recorded.</p>'
        f"{body}<article><div><h2>The proof</h2>{proved}</div></article></main></body></html>\n"
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _chapter(chapter: Chapter) -> str:
    told = "".join(f"<p>{escape(line)}</p>" for line in chapter.told)
    rows = "".join(
        f"<tr><td><code>{escape(at)}</code></td><td>{escape(action)}</td><td>{escape(change)}</td></tr>"
        for at, action, change in timeline(chapter.entries)
    )
    picture = (
        f'<img src="{escape(chapter.picture)}" alt="The released picture: {escape(chapter.prompt)}">'
        if chapter.picture
        else '<div class="none">nothing was released</div>'
    )
    prompt = f'<p class="prompt"><code>{escape(chapter.prompt)}</code></p>'
    summary = f"<summary>{len(chapter.entries)} entries of the audit log</summary>"
    return (
        f"<article><div><h2>{escape(chapter.title)}</h2>{prompt}{told}"
        f"<details>{summary}<table>{rows}</table></details></div><div>{picture}</div></article>"
    )
