// Menus are <details>, so they work without a script; this only closes them when attention moves on.

export function closeSheetsOnOutsideClick(): void {
  const closeAllBut = (kept: Element | null): void => {
    for (const sheet of document.querySelectorAll<HTMLDetailsElement>("details.menu-sheet[open]")) {
      if (sheet !== kept) sheet.open = false;
    }
  };
  document.addEventListener("click", (event) => {
    closeAllBut(event.target instanceof Element ? event.target.closest("details.menu-sheet") : null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector<HTMLDetailsElement>("details.menu-sheet[open]");
    closeAllBut(null);
    open?.querySelector("summary")?.focus();
  });
}
