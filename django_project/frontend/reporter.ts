// Tells the site which transactions wallets sent, until it has heard of each.
import { ApiError, postJson } from "./http.ts";
import {
  forget,
  type Hash,
  noteReported,
  noteUnreportable,
  type Payment,
  unreportedPayments,
} from "./payments.ts";

const FIRST_PAUSE_MILLISECONDS = 1000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;
/** The site heard, and can never make anything of it: no such pledge, or no such hash. */
const UNKNOWN_PLEDGE = 404;
const UNREADABLE = [400, 422];

async function report(payment: Payment & { hash: Hash }): Promise<void> {
  try {
    await postJson(`/api/v1/pledges/${payment.id}/submitted`, { tx_hash: payment.hash, ref: payment.ref });
    noteReported(payment.id);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === UNKNOWN_PLEDGE) forget(payment.id);
    if (UNREADABLE.includes(error.status)) noteUnreportable(payment.id);
  }
}

let running: Promise<void> | undefined;
let wake = (): void => {};

/**
 * Report all that is unreported, again and again with longer pauses; at once when the network comes back or
 * this is called again.
 */
export function reportPayments(): Promise<void> {
  wake();
  running ??= reportAll().finally(() => {
    running = undefined;
  });
  return running;
}

async function reportAll(): Promise<void> {
  for (let pause = FIRST_PAUSE_MILLISECONDS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS)) {
    for (const payment of unreportedPayments()) await report(payment);
    if (unreportedPayments().length === 0) return;
    await untilWokenOr(pause);
  }
}

function untilWokenOr(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    wake = () => {
      clearTimeout(timer);
      window.removeEventListener("online", wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    window.addEventListener("online", wake);
  });
}
