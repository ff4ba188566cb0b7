"""What the checks share: finding the C files, blanking what is no code, telling faults."""

import pathlib
import re
import sys

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def root():
    """The tree to check: the first argument, else the one this file is in."""
    return pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)


def files(top, *patterns):
    """(path from the root, text) of every file below root/top that matches."""
    base = root()
    for path in sorted({p for pattern in patterns for p in (base / top).rglob(pattern)}):
        if path.is_file():
            yield path.relative_to(base).as_posix(), path.read_text()


def blanked(text):
    """Comments and literals replaced by blanks; lines and columns stay."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def tell(faults):
    """Prints file:line: fault for each and makes the exit status."""
    told = [print(f"{file}:{line}: {fault}") for file, line, fault in faults]
    return 1 if told else 0
