"""Every block of every page is run, as far as it can be: commands, programs, configurations. CONTRIBUTING.md says how."""

import json
import re
import tomllib

import pages
import pytest
import yaml
from conftest import Server
from page_world import MODELS, World, said

PAGES = pages.every_page()

# How many blocks of a page are marked as not run or only parsed. A new one needs its reason, and its number here.
LEFT_OUT = {
    "CONTRIBUTING.md": 1,
    "README.md": 2,
    "README.zh.md": 2,
    "docs/command-line.md": 1,
    "docs/dashboard.md": 1,
    "docs/getting-started.md": 1,
    "docs/library.md": 1,
    "docs/observability.md": 1,
    "docs/operations.md": 3,
    "docs/packaging.md": 10,
    "docs/performance.md": 5,
    "fuzz/README.md": 3,
}
# So that a change of the reader does not find nothing, and pass.
LEAST = {"sh": 30, "yaml": 45, "python": 5, "json": 2, "dotenv": 2}
# The keys of a configuration that make deployments; without any of them a block is a part of one.
DEPLOYMENTS = {"model_list", "models", "providers"}
COMMAND = re.compile(r"^(\$ )?(llm|llm-server|cargo|curl|docker|helm|kubectl|sudo|python3?) ", re.MULTILINE)


@pytest.fixture(scope="module")
def open_vendor(tmp_path_factory):
    """Takes any key, and answers under any model's name."""
    server = Server(tmp_path_factory.mktemp("open-vendor"), MODELS)
    yield server
    server.stop()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_works(page, open_vendor, tmp_path):
    world = World(tmp_path, page, open_vendor.url)
    faults = []
    try:
        for block in page.blocks:
            faults += [f"{block.place} ({block.kind}): {fault}" for fault in run(world, block)]
    finally:
        world.close()
    assert not faults, "\n\n".join(faults)


def run(world: World, block) -> list:
    """What is wrong with a block."""
    unknown = set(block.marks) - set(pages.MARKS)
    if unknown:
        return [f"unknown mark {unknown}: there are {pages.MARKS}"]
    if "not run" in block.marks:
        return []
    if "file" in block.marks:
        file = world.folder / block.marks["file"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(world.placed(block.text))
        if block.kind == "python":
            return [] if compile(block.text, block.place, "exec") else ["empty"]
    if "run by" in block.marks:
        return run_elsewhere(block)
    return KINDS.get(block.kind, of_unknown_kind)(world, block)


def run_elsewhere(block) -> list:
    """`<!-- run by: FILE -->`: a test or an example of the repository, which has the block or reads the page."""
    file = pages.ROOT / block.marks["run by"]
    if not file.is_file():
        return [f"{file} does not exist"]
    text = file.read_text()
    squeezed = " ".join(block.text.split())
    if block.page.path.name in text or squeezed in " ".join(text.split()):
        return []
    return [f"{block.marks['run by']} neither has this block nor reads the page"]


def ended(block, done) -> list:
    """Whether a run ended as the page says."""
    output = done.stdout + done.stderr
    if "fails" in block.marks:
        good = done.returncode != 0 and block.marks["fails"] in output
        return [] if good else [f"should fail with `{block.marks['fails']}`: {said(done)}"]
    if done.returncode:
        return [said(done)]
    if block.marks.get("prints", "") not in output:
        return [f"does not print `{block.marks['prints']}`: {said(done)}"]
    return []


def commands(world, block) -> list:
    return ended(block, world.script(block))


def program(world, block) -> list:
    return ended(block, world.python(block))


def configuration(world, block) -> list:
    """A configuration, or a part of one, which is completed."""
    values = yaml.safe_load(block.text)
    if "parsed only" in block.marks:
        return []
    text = world.placed(block.text)
    if not DEPLOYMENTS & set(values):
        text = f"{text}\n{MODELS}"
    named = re.match(r"# ([\w./-]+\.ya?ml)\b", block.text)
    if named:
        (world.folder / named.group(1)).write_text(text)
    return ended(block, world.check(text, block.marks.get("set", "")))


def variables(world, block) -> list:
    """A `.env`, which the gateway is started from."""
    (world.folder / ".env").write_text(world.placed(block.text))
    faults = ended(block, world.run([world.folder / "bin" / "llm-server", "check"]))
    if "file" not in block.marks:
        (world.folder / ".env").unlink()
    return faults


def parsed_by(parse):
    def parsed(world, block) -> list:
        try:
            parse(block.text)
        except ValueError as error:
            return [str(error)]
        return []

    return parsed


def lines_of_json(text: str):
    for line in text.splitlines():
        json.loads(line)


def rust(world, block) -> list:
    """A crate's README is its documentation, whose blocks `cargo test --doc` runs; other pages name what runs a block."""
    library = block.page.path.parent / "src" / "lib.rs"
    if library.is_file() and 'include_str!("../README.md")' in library.read_text():
        return []
    return ["nobody compiles this: mark it with `<!-- run by: FILE -->`"]


def shown(world, block) -> list:
    return ["commands stand in a block of `sh`"] if COMMAND.search(block.text) else []


def of_unknown_kind(world, block) -> list:
    if "parsed only" in block.marks:
        return []
    return ["give the block a language that is run, or `text`, or mark it with `<!-- not run: why -->`"]


KINDS = {
    "sh": commands, "bash": commands, "python": program, "yaml": configuration, "env": variables, "dotenv": variables,
    "json": parsed_by(json.loads), "jsonl": parsed_by(lines_of_json), "toml": parsed_by(tomllib.loads), "rust": rust,
    "text": shown,
}


def test_what_is_left_out_is_known():
    left_out, reasons = {}, []
    for page in PAGES:
        for block in filter(lambda block: block.is_left_out, page.blocks):
            left_out[page.name] = left_out.get(page.name, 0) + 1
            reason = block.marks.get("not run") or block.marks["parsed only"]
            reasons.append(f"{block.place} ({block.kind}): {reason}")
    print("\n".join(reasons))
    assert left_out == LEFT_OUT, "write the numbers into LEFT_OUT; not run are:\n" + "\n".join(reasons)


def test_there_are_blocks():
    counts = {}
    for block in (block for page in PAGES for block in page.blocks):
        counts[block.kind] = counts.get(block.kind, 0) + 1
    print(counts)
    assert all(counts.get(kind, 0) >= least for kind, least in LEAST.items()), counts
