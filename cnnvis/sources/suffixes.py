"""How files of pictures are named; known without loading what decodes them."""

from __future__ import annotations

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .bmp .dib .gif .webp .tif .tiff .ppm .pgm .pbm .pnm .jp2 .j2k .tga .ico .avif".split()
)
