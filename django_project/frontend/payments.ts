// Payments that a wallet was asked for, as this browser remembers them. A tab may close, the network may go and a
// session may end between a wallet's answer and the site's: what is written here outlives all of these.

import { removeItem, storedItem, storedKeys, storeItem } from "./storage.ts";

export type Hash = `0x${string}`;

/** One record of an intent; it stays until the site knows what became of it. */
export interface Payment {
  id: string;
  /** The intent's reference: it travels in the transaction, and proves a report. */
  ref: Hash;
  /** `<chain id>:<address>`. */
  campaign: string;
  statusUrl: string;
  /** What the wallet said it sent; without one it was asked and nothing is known of its answer. */
  hash?: Hash;
  isReported?: boolean;
  /** Its owner knows of it and decided to pay once more. */
  isSetAside?: boolean;
}

/** States of a pledge on the site in which its payment is no longer open. */
export const SETTLED: readonly string[] = ["confirmed", "final", "failed", "rejected"];

const PREFIX = "chainfund.payment.";

function store(payment: Payment): void {
  storeItem(PREFIX + payment.id, JSON.stringify(payment));
}

function read(text: string): Payment | undefined {
  try {
    const payment = JSON.parse(text) as Payment;
    const isWhole = [payment.id, payment.ref, payment.campaign, payment.statusUrl].every(
      (part) => typeof part === "string" && part !== "",
    );
    return isWhole ? payment : undefined;
  } catch {
    return undefined;
  }
}

export function payments(): Payment[] {
  return storedKeys(PREFIX)
    .map((key) => read(storedItem(key) ?? ""))
    .filter((payment) => payment !== undefined);
}

export function paymentOf(id: string): Payment | undefined {
  return payments().find((payment) => payment.id === id);
}

/** Those to a campaign that may have been paid, as far as this browser knows, and that nobody set aside. */
export function openPayments(campaign: string): Payment[] {
  return payments().filter((payment) => payment.campaign === campaign && !payment.isSetAside);
}

export function unreportedPayments(): (Payment & { hash: Hash })[] {
  return payments().filter(
    (payment): payment is Payment & { hash: Hash } => payment.hash !== undefined && !payment.isReported,
  );
}

/** Write down that the wallet is asked now, before it is. */
export function noteAsked(payment: Payment): void {
  store(payment);
}

export function noteSent(payment: Payment, hash: Hash): void {
  store({ ...payment, hash });
}

export function noteReported(id: string): void {
  change(id, { isReported: true });
}

/** The site can make nothing of this hash: what is left is that the wallet was asked. */
export function noteUnreportable(id: string): void {
  const payment = paymentOf(id);
  if (!payment) return;
  const { hash: _, ...asked } = payment;
  store(asked);
}

export function setAside(id: string): void {
  change(id, { isSetAside: true });
}

function change(id: string, more: Partial<Payment>): void {
  const payment = paymentOf(id);
  if (payment) store({ ...payment, ...more });
}

/** The site knows what became of a payment; what it has not heard yet is kept until it has. */
export function forgetSettled(id: string): void {
  const payment = paymentOf(id);
  if (payment && (payment.isReported || payment.hash === undefined)) forget(id);
}

export function forget(id: string): void {
  removeItem(PREFIX + id);
}
