"""Painting a Diagram: in the window and into svg, pdf and png."""
