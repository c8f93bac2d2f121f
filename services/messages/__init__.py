"""From a due alarm to a sent mail: sweep, assemble, render, dispatch."""
