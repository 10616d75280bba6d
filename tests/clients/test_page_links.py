"""Links between pages lead somewhere, files that pages name exist, and the two READMEs say the same."""

import re

import pages
import pytest

PAGES = {page.path: page for page in pages.every_page()}


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    faults = []
    for link in page.links():
        if re.match(r"^[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if not target.exists():
            faults.append(f"{link}: there is no such file")
        elif anchor and target in PAGES and anchor not in PAGES[target].anchors():
            faults.append(f"{link}: there is no such heading; there are {sorted(PAGES[target].anchors())}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    named = re.findall(r"`((?:docs|crates|config|xtask|fuzz)/[\w./-]+\.\w+)`", page.prose)
    missing = [name for name in named if not (pages.ROOT / name).exists()]
    assert not missing, missing


def test_every_page_of_the_docs_is_in_their_index():
    folder = pages.ROOT / "docs"
    links = PAGES[folder / "README.md"].links()
    targets = {(folder / link.partition("#")[0]).resolve() for link in links if ":" not in link}
    missing = [page.name for path, page in PAGES.items() if folder in path.parents and path not in targets]
    assert missing == ["docs/README.md"], missing


ENGLISH, CHINESE = (PAGES[pages.ROOT / name] for name in ("README.md", "README.zh.md"))


def without_comments(text: str) -> list:
    lines = (re.sub(r"(^|\s+)#.*$", "", line) for line in text.splitlines())
    return [line for line in lines if line.strip()]


def test_the_chinese_readme_has_the_same_blocks():
    english, chinese = ([(block.kind, without_comments(block.text)) for block in page.blocks] for page in (ENGLISH, CHINESE))
    assert english == chinese


def test_the_chinese_readme_has_the_same_headings():
    assert [level for level, _ in ENGLISH.headings()] == [level for level, _ in CHINESE.headings()]


def test_the_chinese_readme_has_the_same_links_and_names_by_section():
    def sections(page):
        parts = re.split(r"^#+ .*$", page.prose, flags=re.MULTILINE)
        names = (sorted(set(re.findall(r"`[^`\n]+`", part))) for part in parts)
        targets = (sorted(re.findall(r"\]\(([^)\s]+)\)", part)) for part in parts)
        rows = (len(re.findall(r"^\|", part, re.MULTILINE)) for part in parts)
        return list(zip(names, targets, rows))

    for english, chinese in zip(sections(ENGLISH), sections(CHINESE)):
        other = [link for link in english[1] if link != "README.zh.md"]
        assert (english[0], other, english[2]) == (chinese[0], [link for link in chinese[1] if link != "README.md"], chinese[2])
