// A live region that stays while htmx replaces parts of the page: replaced ones are not read out reliably.

/** Read out `[data-say]` (its own text when the attribute is empty) whenever a swap changed it. */
export function announceChanges(root: Document = document): void {
  const announcer = root.getElementById("announcer");
  if (!announcer) return;
  const said = (): string => {
    const element = root.querySelector<HTMLElement>("[data-say]");
    return (element?.dataset.say || element?.textContent || "").trim();
  };
  let last = said();
  root.addEventListener("htmx:afterSettle", () => {
    const now = said();
    if (now === last) return;
    last = now;
    announcer.textContent = now;
  });
}
