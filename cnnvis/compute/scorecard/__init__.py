"""How far an explanation can be trusted: one measure a file, put together by `card`."""
