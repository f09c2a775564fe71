// Words come from the server, translated, as templates; this puts the right ones where the page speaks.
import { fillDeepLinks } from "./deep-links.ts";
import type { MessageKey, Problem } from "./problems.ts";

function template(name: string): HTMLTemplateElement | null {
  return document.querySelector(`template[data-message="${name}"]`);
}

/** Show a message in `place` (a live region), its `data-slot` elements filled with the values. */
export function say(
  place: HTMLElement,
  key: MessageKey,
  values: Readonly<Record<string, string>> = {},
  revert?: string,
): void {
  const source = template(key);
  if (!source) throw new Error(`the page has no words for ${key}`);
  const words = source.content.cloneNode(true) as DocumentFragment;
  for (const slot of words.querySelectorAll<HTMLElement>("[data-slot]")) {
    slot.textContent = values[slot.dataset.slot ?? ""] ?? "";
  }
  for (const link of words.querySelectorAll<HTMLAnchorElement>("a[data-link]")) {
    const path = { here: window.location.href, ...values }[link.dataset.link ?? ""];
    if (path && isOwnPath(path)) link.href = path;
  }
  fillDeepLinks(words, new URL(window.location.href));
  if (revert !== undefined) {
    const reason = template(`revert:${revert}`) ?? template("revert:unknown");
    const where = words.querySelector("[data-reason]");
    if (reason && where) where.append(reason.content.cloneNode(true));
  }
  place.replaceChildren(words);
  place.dataset.state = key;
}

/** What this browser remembers is not trusted with more than a page of this site. */
function isOwnPath(path: string): boolean {
  return new URL(path, window.location.href).origin === window.location.origin;
}

export function sayNothing(place: HTMLElement): void {
  place.replaceChildren();
  delete place.dataset.state;
}

export function sayProblem(place: HTMLElement, problem: Problem): void {
  say(place, problem.key, problem.values, problem.revert);
}
