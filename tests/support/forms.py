"""A page's form as a browser without a script sends it: every field, touched or not."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    """Names and values of the fields of one form."""

    def __init__(self, element: str) -> None:
        super().__init__()
        self._element, self._is_inside = element, False
        self._area, self._select = "", ""
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == self._element:
            self._is_inside = True
        if not self._is_inside:
            return
        name = found.get("name", "")
        if tag == "input" and name and (found.get("type") != "radio" or "checked" in found):
            self.values[name] = found.get("value", "")
        elif tag == "textarea":
            self._area, self.values[name] = name, ""
        elif tag == "select":
            self._select, self.values[name] = name, ""
        elif tag == "option" and self._select and "selected" in found:
            self.values[self._select] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # The line end after the tag is none of the text's.
            self.values[self._area] = self.values[self._area].removeprefix("\n")
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == self._element:
            self._is_inside = False


def sent_by(page: str, element: str = "form") -> dict[str, str]:
    """What the form inside of an element of this name holds as it stands."""
    reader = _Fields(element)
    reader.feed(page)
    return reader.values
