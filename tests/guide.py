"""The guides of docs/guia as parts of the page *Help*.   python -m tests.guide

Templates need neither the documents nor a reader of Markdown where the portal runs. Pictures stay behind: whoever reads
the page has the portal before their eyes.
"""

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
TARGETS = ROOT / "templates" / "guide"
# Language, guide: its document. The page of a guide has the guide's name.
GUIDES = {
    ("pt-br", "users"): "docs/guia/verificacao-em-duas-etapas.md",
    ("en", "users"): "docs/guia/two-step-verification.md",
    ("es", "users"): "docs/guia/verificacion-en-dos-pasos.md",
    ("pt-br", "administrators"): "docs/guia/o-dia-do-administrador.md",
    ("en", "administrators"): "docs/guia/an-administrators-day.md",
    ("es", "administrators"): "docs/guia/el-dia-del-administrador.md",
}
ADDRESSES = {
    Path(document).name: "{% url 'help' %}" if guide == "users" else "{% url 'help-administrators' %}"
    for (_language, guide), document in GUIDES.items()
}


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: the lists of contents point there."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def kept(blocks: list[list[Token]]) -> list[Token]:
    """Leave out pictures, tables of pictures, and the line of the other languages."""
    return [token for block in blocks for token in block if not _is_left_out(block)]


def _is_left_out(block: list[Token]) -> bool:
    pieces = [piece for token in block for piece in token.children or []]
    languages = {"em_open", "link_open"} <= {piece.type for piece in pieces[:3]}
    return any(piece.type == "image" for piece in pieces) or languages


def outermost(tokens: list[Token]) -> list[list[Token]]:
    """Return the parts that stand side by side: headings, paragraphs, lists, tables."""
    blocks: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        blocks[-1].append(token)
        depth += token.nesting
        if not depth:
            blocks.append([])
    return [block for block in blocks if block]


def rendered(document: str) -> str:
    """Return a guide as a template."""
    text = (ROOT / document).read_text()
    assert "{{" not in text
    assert "{%" not in text
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = kept(outermost(reader.parse(text)))
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(tokens[place + 1].content))
        for piece in token.children or []:
            if piece.type == "link_open":
                address = str(piece.attrGet("href"))
                piece.attrSet("href", address if address.startswith("#") else ADDRESSES[address])
    return str(reader.renderer.render(tokens, reader.options, {}))


def main() -> None:
    """Write all of them."""
    for (language, guide), document in GUIDES.items():
        path = TARGETS / language / f"{guide}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered(document))


if __name__ == "__main__":
    main()
