"""One line of ASCII inside the metadata of a figure, where it can be found again without reading the format."""

from __future__ import annotations

import struct
import zlib

_XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<xmp:CreatorTool>cnnvis</xmp:CreatorTool><dc:source>{line}</dc:source>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def in_xmp(line: str) -> bytes:
    """A packet of XMP metadata for a PDF, uncompressed."""
    return _XMP.format(line=line).encode("ascii")


def in_svg(data: bytes, line: str) -> bytes:
    """The same SVG with a metadata element as its first child."""
    place = data.index(b">", data.index(b"<svg")) + 1
    return data[:place] + f"\n<metadata>{line}</metadata>".encode("ascii") + data[place:]


def in_png(data: bytes, line: str) -> bytes:
    """The same PNG with a text chunk after its header; uncompressed, unlike those that Qt writes."""
    text = b"Source\0" + line.encode("ascii")
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    place = 8 + 4 + 4 + 13 + 4  # signature; length, name, content and checksum of the header
    return data[:place] + chunk + data[place:]
