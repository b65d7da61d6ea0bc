"""Where things come from: networks, images, tables, the demo scenes."""
