#!/usr/bin/env python3
"""Every relative link in README, docs and days leads to a file that is there, and to a heading that is."""

import re
from urllib.parse import unquote

from sources import arguments, finish, project_files

LINK = re.compile(r"!?\[[^\]]*\]\((?:<([^>]+)>|([^)\s]+))\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def blanked(match):
    return re.sub(r"[^\n]", " ", match[0])


def anchors_of(path):
    """As GitHub makes them of headings."""
    text = CODE.sub(blanked, path.read_text(encoding="utf-8"))
    names = []
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        names.append(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return names


def main():
    root = arguments(__doc__).root
    problems = []
    # What git does not track is not there for others.
    there = {path.resolve() for path in project_files(root)}
    there |= {folder for path in there for folder in path.parents}
    for path in project_files(root, "*.md", "docs/*.md", "days/*.md", "examples/*.md"):
        text = CODE.sub(blanked, path.read_text(encoding="utf-8"))
        for match in LINK.finditer(text):
            link = match[1] or match[2]
            if re.match(r"[a-z]+:", link):
                continue
            where, _, anchor = link.partition("#")
            target = (path.parent / unquote(where)) if where else path
            number = text.count("\n", 0, match.start()) + 1
            if target.resolve() not in there:
                problems.append(f"{path.relative_to(root)}:{number}: leads nowhere: {link}")
            elif anchor and target.suffix == ".md" and anchor not in anchors_of(target):
                problems.append(f"{path.relative_to(root)}:{number}: there is no such heading: {link}")
    finish(problems, "links")


if __name__ == "__main__":
    main()
