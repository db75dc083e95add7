"""View objects to bytes: Markdown, JSON, SVG. No decisions are taken here."""
