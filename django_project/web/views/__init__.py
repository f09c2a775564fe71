"""The site's pages: thin functions that read by selectors and hand the result to a template."""
