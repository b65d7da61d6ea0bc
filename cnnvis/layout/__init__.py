"""Pure geometry: packing, ordering, and the toolkit-free Diagram."""
