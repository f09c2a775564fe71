// What was typed and is not saved yet, kept in this browser over a reload, a crash or an ended session.

import { removeItem, storedItem, storedKeys, storeItem } from "../storage.ts";

export interface Kept {
  text: string;
  /** The draft's revision when its writer last saw the field. */
  seen: number;
}

export class Keeping {
  private readonly prefix: string;

  constructor(draft: string) {
    this.prefix = `chainfund:draft:${draft}:`;
  }

  keep(field: string, text: string, seen: number): void {
    const earlier = this.read(field);
    // What somebody else wrote meanwhile was not seen by typing on.
    storeItem(this.prefix + field, JSON.stringify({ text, seen: earlier?.seen ?? seen }));
  }

  clear(field: string): void {
    removeItem(this.prefix + field);
  }

  all(): [string, Kept][] {
    const found: [string, Kept][] = [];
    for (const key of storedKeys(this.prefix)) {
      const field = key.slice(this.prefix.length);
      const kept = this.read(field);
      if (kept) found.push([field, kept]);
    }
    return found;
  }

  private read(field: string): Kept | undefined {
    try {
      const kept = JSON.parse(storedItem(this.prefix + field) ?? "") as Kept;
      return typeof kept.text === "string" && typeof kept.seen === "number" ? kept : undefined;
    } catch {
      // Nothing there, or nothing of ours.
      return undefined;
    }
  }
}
