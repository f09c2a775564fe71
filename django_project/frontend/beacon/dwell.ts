// How long a page was really looked at: time counts only while the page is visible.

export class DwellClock {
  #seen = 0;
  #since: number | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {}

  resume(): void {
    this.#since ??= this.now();
  }

  pause(): void {
    if (this.#since === undefined) return;
    this.#seen += this.now() - this.#since;
    this.#since = undefined;
  }

  get milliseconds(): number {
    const running = this.#since === undefined ? 0 : this.now() - this.#since;
    return this.#seen + running;
  }

  get seconds(): number {
    return Math.round(this.milliseconds / 1000);
  }
}
