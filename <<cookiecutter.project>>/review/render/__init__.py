"""Documents and charts, as Markdown and as a page: they know no model."""
