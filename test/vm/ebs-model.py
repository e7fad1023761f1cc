#!/usr/bin/env python3
"""Copies qemu-system-x86_64 so that its NVMe controllers say 'Amazon Elastic Block Store':  ebs-model.py IN OUT

qemu has no property for the model: hw/nvme/ctrl.c has strpadcpy(id->mn, 40, "QEMU NVMe Ctrl", ' '). The new text is longer than
the old one, so it takes the place of a help text, and each LEA that loads the old one is pointed there.
"""
import os
import re
import struct
import sys

EXECUTABLE = 1
OLD = b'QEMU NVMe Ctrl'
NEW = b'Amazon Elastic Block Store'


def load_segments(elf):
    start, = struct.unpack_from('<Q', elf, 32)
    count, = struct.unpack_from('<H', elf, 56)
    headers = [struct.unpack_from('<IIQQQQ', elf, start + 56 * i) for i in range(count)]
    return [(offset, address, size, flags) for kind, flags, offset, address, _, size in headers if kind == 1]


def address_of(segments, offset):
    return next(a + offset - o for o, a, size, _ in segments if o <= offset < o + size)


def find_model(elf):
    found = [match.start() + 1 for match in re.finditer(b'\0' + OLD + b'\0', elf)]
    assert len(found) == 1, f'the model is there {len(found)} times'
    return found[0]


def find_help_text(elf, segments, beside):
    offset, _, size, _ = next(s for s in segments if s[0] <= beside < s[0] + s[2])
    for match in re.finditer(rb'\0([\x20-\x7e]{60,300})\0', elf[offset:offset + size]):
        if b'%' not in match.group(1) and b'help' in match.group(1).lower():
            return offset + match.start() + 1
    raise AssertionError('no help text is long enough')


def references(elf, segments, address):
    for offset, start, size, flags in segments:
        if not flags & EXECUTABLE:
            continue
        for match in re.finditer(rb'[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]', elf[offset:offset + size]):
            distance, = struct.unpack_from('<i', elf, offset + match.start() + 3)
            if start + match.start() + 7 + distance == address:
                yield offset + match.start()


def main(source, target):
    with open(source, 'rb') as file:
        elf = file.read()
    assert elf[:5] == b'\x7fELF\x02' and elf[18:20] == b'\x3e\0', 'not an ELF file for x86-64'
    segments = load_segments(elf)
    old = find_model(elf)
    new = find_help_text(elf, segments, old)
    loads = list(references(elf, segments, address_of(segments, old)))
    assert loads, 'nothing loads the model'
    patched = bytearray(elf)
    patched[new:new + len(NEW) + 1] = NEW + b'\0'
    for load in loads:
        distance = address_of(segments, new) - (address_of(segments, load) + 7)
        struct.pack_into('<i', patched, load + 3, distance)
    with open(target, 'wb') as file:
        file.write(patched)
    os.chmod(target, 0o755)


main(*sys.argv[1:])
