"""Images that drive a network, found by climbing: feature visualization as in Lucid.

Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017 (doi 10.23915/distill.00007), and its library,
Lucid. One file for each part: `normalise` (from a picture to an input), `parameterise` (what is optimised in the place
of pixels), `transforms` (what makes it robust), `objectives` (what is climbed), `redirect` (out of dead rectifiers),
`optimise` (the loop), and what is made of it: `icons`, `caricature`, `grid`.
"""

from __future__ import annotations
