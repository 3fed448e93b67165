"""A little reading of Swift text: enough to count lines of functions and to see imports, no more."""

import re

IMPORT = re.compile(
    r"^\s*(?:@[\w()]+\s+)*(?:(public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)",
    re.MULTILINE,
)
HEAD = re.compile(r"\b(func\s+[^\s(<]+|init[?!]?(?=\s*[(<])|deinit|subscript(?=\s*[(<]))")
PROTOCOL = re.compile(r"\bprotocol\s+(\w+)")
REQUIREMENT = re.compile(r"^\s*(?:@\w+\s+)*(?:static\s+|mutating\s+|nonisolated\s+)*(func|var|init|subscript)\b")


def imports(text: str) -> list[tuple[str, str]]:
    """(access level or "", module) for each import of a file."""
    return [(match.group(1) or "", match.group(2)) for match in IMPORT.finditer(blanked(text))]


def blanked(text: str) -> str:
    """The text with every comment and string literal replaced by blanks; line breaks stay."""
    out: list[str] = []
    index = 0
    depth = 0
    while index < len(text):
        two = text[index : index + 2]
        if depth:
            step = 2 if two in ("/*", "*/") else 1
            depth += {"/*": 1, "*/": -1}.get(two, 0)
        elif two == "/*":
            depth, step = 1, 2
        elif two == "//":
            end = text.find("\n", index)
            step = (end if end >= 0 else len(text)) - index
        elif text[index] == '"' or two == '#"':
            step = literal_length(text, index)
        elif text[index] == "`":
            end = text.find("`", index + 1)
            step = (end - index + 1) if end > 0 else 1
            out.append("_" * step)
            index += step
            continue
        else:
            out.append(text[index])
            index += 1
            continue
        out.append(re.sub(r"[^\n]", " ", text[index : index + step]))
        index += step
    return "".join(out)


def literal_length(text: str, start: int) -> int:
    """The number of characters of the string literal that begins at `start`, quotes included."""
    hashes = 0
    while text[start + hashes] == "#":
        hashes += 1
    multiline = text.startswith('"""', start + hashes)
    quote = ('"""' if multiline else '"') + "#" * hashes
    index = start + hashes + (3 if multiline else 1)
    while index < len(text):
        if text.startswith(quote, index):
            return index + len(quote) - start
        if text[index] == "\\" and not hashes:
            index += 2
        elif text[index] == "\n" and not multiline:
            return index - start
        else:
            index += 1
    return len(text) - start


def bodies(text: str, head: re.Pattern) -> list[tuple[str, int, list[str]]]:
    """(name, first line, lines) for each declaration that `head` finds and that has a body in braces."""
    found = []
    clean = blanked(text)
    for match in head.finditer(clean):
        opening = body_start(clean, match.end())
        if opening is None:
            continue
        depth = 0
        for index in range(opening, len(clean)):
            depth += {"{": 1, "}": -1}.get(clean[index], 0)
            if depth == 0:
                break
        first = clean.count("\n", 0, match.start()) + 1
        found.append((match.group(match.lastindex or 0), first, clean[opening : index + 1].split("\n")))
    return found


def body_start(clean: str, after: int) -> int | None:
    """Where the body of a declaration begins, or nil when it has none (a protocol's requirement)."""
    round_depth = 0
    for index in range(after, len(clean)):
        character = clean[index]
        if character in "([":
            round_depth += 1
        elif character in ")]":
            round_depth -= 1
            if round_depth < 0:
                return None
        elif character == "{" and round_depth == 0:
            return index
        elif character in "}=" and round_depth == 0 and clean[index - 1 : index + 1] != "==":
            return None
        elif character == "\n" and round_depth == 0:
            rest = clean[index:].lstrip()
            if not re.match(r"[{(<]|->|throws|async|where|rethrows|~?\w+\s*[:,&]", rest):
                return None
            if re.match(r"(?:@\w+\s*)*(?:public|private|internal|fileprivate|package|static|func|var|let|init|case)\b", rest):
                return None
    return None
