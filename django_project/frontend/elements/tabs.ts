// On narrow screens the open tab may lie beyond the edge: bring it in, without moving the page itself.

export function showOpenTab(root: ParentNode = document): void {
  const open = root.querySelector<HTMLElement>(".tabs-line [aria-current]");
  const line = open?.parentElement;
  if (open && line) line.scrollLeft = open.offsetLeft - (line.clientWidth - open.offsetWidth) / 2;
}
