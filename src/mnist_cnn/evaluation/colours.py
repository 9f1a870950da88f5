"""The colours of charts and drawings by their roles; a page sets each as a CSS variable, for light and dark mode."""

# In light mode. All must differ, because `charts.to_svg` finds the roles by their colours.
COLOURS = {"text": "#1d2126", "muted": "#5b6470", "line": "#dedbd2", "correct": "#2563a8", "incorrect": "#c2410c"}
