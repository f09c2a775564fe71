// Observations waiting to be sent. sendBeacon outlives the page, and the server takes at most 50 a post.

export const BATCH_LIMIT = 50;
export const FLUSH_MILLISECONDS = 10_000;

export interface Observation {
  id: string;
  kind: "impression" | "view";
  campaign: string;
  dwell_seconds: number;
  slot: number | null;
  propensity: number | null;
  model_version: string;
  occurred_at: string;
}

export type Send = (body: string) => boolean;

export class BeaconQueue {
  #waiting: Observation[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: Send) {}

  add(observation: Observation): void {
    this.#waiting.push(observation);
    if (this.#waiting.length >= BATCH_LIMIT) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MILLISECONDS);
  }

  /** Send what waits. What the browser refuses to take stays for the next time; its id makes that harmless. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH_LIMIT);
      if (!this.send(JSON.stringify({ events: batch }))) return;
      this.#waiting = this.#waiting.slice(batch.length);
    }
  }
}
