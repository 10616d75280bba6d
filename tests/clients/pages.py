"""Reads the pages of this project: their blocks of code, headings and links. CONTRIBUTING.md says what the marks mean."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARKS = ("not run", "parsed only", "prints", "fails", "file", "run by", "set", "with")
# What is shown and cannot be run: trees, drawings, what a program answered.
SHOWN = ("text",)


@dataclasses.dataclass
class Block:
    page: "Page"
    line: int
    kind: str
    text: str
    marks: dict

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def is_left_out(self) -> bool:
        return "not run" in self.marks or "parsed only" in self.marks


@dataclasses.dataclass
class Page:
    name: str
    text: str
    blocks: list = dataclasses.field(default_factory=list)
    # What stands outside of blocks.
    prose: str = ""
    # `<!-- gateway: KEY -->`: the master key of the gateway that the page is told to.
    gateway_key: str = ""

    @property
    def path(self) -> pathlib.Path:
        return ROOT / self.name

    def headings(self) -> list:
        """Level and text of each."""
        found = re.findall(r"^(#{1,6}) +(.+?) *$", self.prose, re.MULTILINE)
        return [(len(level), text) for level, text in found]

    def anchors(self) -> set:
        """As GitHub makes them: lower case, no punctuation, dashes for spaces, numbered where there are several."""
        seen, anchors = {}, set()
        for _, text in self.headings():
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "")
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            count = seen[slug] = seen.get(slug, -1) + 1
            anchors.add(f"{slug}-{count}" if count else slug)
        return anchors

    def links(self) -> list:
        prose = re.sub(r"`[^`\n]*`", "", self.prose)
        return re.findall(r"\]\(<?([^)\s>]+)>?\)", prose)


def read(path: pathlib.Path) -> Page:
    page = Page(str(path.relative_to(ROOT)), path.read_text())
    fence, lines, marks, prose = None, [], {}, []
    for number, line in enumerate(page.text.splitlines(), 1):
        head = re.match(r"^( *)(`{3,})([\w-]*)", line)
        if fence is None and head:
            fence, lines = (number, *head.groups()), []
        elif fence and line.strip() == fence[2]:
            text = "\n".join(one.removeprefix(fence[1]) for one in lines) + "\n"
            page.blocks.append(Block(page, fence[0], fence[3], text, marks))
            fence, marks = None, {}
        elif fence:
            lines.append(line)
        else:
            prose.append(line)
            mark = re.match(r"^ *<!-- ([\w ]+): (.+?) -->$", line)
            if mark and mark.group(1) == "gateway":
                page.gateway_key = mark.group(2)
            elif mark:
                marks[mark.group(1)] = mark.group(2)
            elif line.strip():
                marks = {}
    assert fence is None, f"{page.name}:{fence[0]} has no end"
    page.prose = "\n".join(prose)
    return page


def every_page() -> list:
    """READMEs, CONTRIBUTING.md and all of docs/."""
    places = ("README.md", "README.*.md", "CONTRIBUTING.md", "docs/**/*.md", "crates/*/README.md", "fuzz/README.md",
              "packaging/**/*.md", "deploy/**/*.md")
    return [read(path) for path in sorted({path for place in places for path in ROOT.glob(place)})]
