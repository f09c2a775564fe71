// Addresses and hashes are shown without their middle; copied text has the whole of them.

/** What templatetags/site_text.py writes for an address or hash: the whole in `title`, the text shortened. */
const SHORTENED = ".hash[title]";

/** The part of an element's text that is in the range. */
function partIn(range: Range, element: Element): string {
  const part = document.createRange();
  part.selectNodeContents(element);
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) {
    part.setStart(range.startContainer, range.startOffset);
  }
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) {
    part.setEnd(range.endContainer, range.endOffset);
  }
  return part.toString();
}

/**
 * The selected text with the whole of each shortened one, also of those selected in part; undefined where
 * there is none. It keeps the lines and columns of the browser's own text, which a copy of the nodes lacks.
 */
function wholeText(selection: Selection): string | undefined {
  // Several ranges (cells of a table, in Firefox) are rare; they are copied as they are shown.
  if (selection.rangeCount !== 1) return undefined;
  const range = selection.getRangeAt(0);
  const shown = selection.toString();
  let text = "";
  let done = 0;
  for (const element of document.querySelectorAll<HTMLElement>(SHORTENED)) {
    if (!range.intersectsNode(element)) continue;
    const part = partIn(range, element);
    // A few characters at the very end may occur before as well.
    const at = element.contains(range.endContainer) ? shown.length - part.length : shown.indexOf(part, done);
    // Nothing of it is selected, or it is not displayed.
    if (!part || at < done) continue;
    text += shown.slice(done, at) + element.title;
    done = at + part.length;
  }
  return done ? text + shown.slice(done) : undefined;
}

/** Put whole addresses and hashes on the clipboard when shortened ones are copied. */
export function copyWholes(): void {
  document.addEventListener("copy", (event) => {
    // Some browsers keep the page's selection while text in a field is copied.
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    const selection = document.getSelection();
    const text = selection ? wholeText(selection) : undefined;
    if (text === undefined || !event.clipboardData) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
  });
}
