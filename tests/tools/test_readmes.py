"""The two READMEs say the same: their headings, commands and links are those of each other."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
HEADINGS = ["courier", "Run it in a minute", "Point your SDK at it", "Configure", "Operate",
            "Performance", "Architecture in one picture", "License"]


def parts(page):
    """Headings as (level, text), code blocks as (language, text), links, items of lists."""
    text = page.read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return {
        "headings": [(len(marks), title) for marks, title in re.findall(r"^(#+) (.*)", prose, re.M)],
        "code": [(language, code) for language, code in blocks if language],
        "links": re.findall(r"\]\(([^)]+)\)", prose),
        "items": len(re.findall(r"^- \*\*", prose, re.M)),
        "commands": re.findall(r"`((?:courier|\./dev|GET|docker) ?[^`]*)`", prose),
    }


def test_what_is_told_and_in_which_order():
    assert [title for _, title in parts(ENGLISH)["headings"]] == HEADINGS


def test_headings_stand_at_the_same_places():
    levels = [[level for level, _ in parts(page)["headings"]] for page in (ENGLISH, CHINESE)]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("what", ["code", "items"])
def test_the_same_code_and_lists(what):
    assert parts(ENGLISH)[what] == parts(CHINESE)[what]


@pytest.mark.parametrize("what", ["links", "commands"])
def test_the_same_links_and_commands(what):
    of = [sorted(set(parts(page)[what]) - {"README.md", "README.zh-CN.md"})
          for page in (ENGLISH, CHINESE)]
    assert of[0] == of[1]


@pytest.mark.parametrize("page", sorted([ENGLISH, CHINESE, *(ROOT / "docs").glob("*.md")]))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link
