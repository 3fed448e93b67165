"""Changes to the symbol table of an ELF library, the only format that the supported systems load."""

import struct

SECTION_DYNAMIC_SYMBOLS = 11
BINDING_GLOBAL = 1
BINDING_WEAK = 2


class NotAnELFLibrary(ValueError):
    """The bytes are no 64-bit little-endian ELF file with a dynamic symbol table."""


def weaken_undefined(image: bytearray, prefix: str) -> int:
    """Makes every undefined global symbol that begins with `prefix` or `_prefix` weak, in place.

    A weak undefined symbol that nobody provides is zero instead of an error at load time, so the library
    loads outside the process it was made for, and only the functions that need the symbol are unusable.
    Returns how many symbols were changed.
    """
    if image[:6] != b"\x7fELF\x02\x01":
        raise NotAnELFLibrary("not a 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", image, 0x28)
    entry_size, count = struct.unpack_from("<HH", image, 0x3A)
    sections = [_section(image, table + index * entry_size) for index in range(count)]
    changed = 0
    found = False
    for kind, offset, size, link, item_size in sections:
        if kind != SECTION_DYNAMIC_SYMBOLS or item_size == 0:
            continue
        found = True
        names = sections[link][1]
        for at in range(offset, offset + size, item_size):
            changed += _weaken_symbol(image, at, names, prefix.encode())
    if not found:
        raise NotAnELFLibrary("no dynamic symbol table")
    return changed


def _section(image: bytearray, at: int) -> tuple[int, int, int, int, int]:
    """(type, file offset, byte count, linked section, byte count of an entry) of one section header."""
    kind = struct.unpack_from("<I", image, at + 4)[0]
    offset, size, link = struct.unpack_from("<QQI", image, at + 0x18)
    item_size = struct.unpack_from("<Q", image, at + 0x38)[0]
    return kind, offset, size, link, item_size


def _weaken_symbol(image: bytearray, at: int, names: int, prefix: bytes) -> int:
    name_offset, info, _, section = struct.unpack_from("<IBBH", image, at)
    if section != 0 or info >> 4 != BINDING_GLOBAL:
        return 0
    start = names + name_offset
    name = bytes(image[start : start + len(prefix) + 1])
    if not (name.startswith(prefix) or name.startswith(b"_" + prefix)):
        return 0
    image[at + 4] = BINDING_WEAK << 4 | info & 0xF
    return 1
