// Everything that can go wrong between a page and a wallet, by the name of the words that tell it.
import { decodeErrorResult } from "viem/utils";
import { ApiError, isAboutCsrf } from "../http.ts";
import { campaignErrors, tokenErrors } from "./abi.ts";
import type { Hex } from "./types.ts";

export type RevertName = (typeof campaignErrors)[number]["name"] | (typeof tokenErrors)[number]["name"];
/** What is known of a refusal without a name: the token's, after looking at allowance and balance, or nothing. */
export const UNNAMED_REVERTS = ["token", "unknown"] as const;

/** Each key has its `<template data-message>` in web/partials/wallet_messages.html (tests hold them equal). */
export const MESSAGE_KEYS = [
  "no-wallet",
  "choose-wallet",
  "connecting",
  "locked",
  "request-pending",
  "no-answer",
  "rejected",
  "rejected-payment",
  "wrong-account",
  "signed-out",
  "switch-network",
  "add-network-by-hand",
  "no-contract",
  "checking",
  "insufficient-funds",
  "insufficient-funds-by-wallet",
  "insufficient-token",
  "permit-token",
  "clear-allowance",
  "approve-token",
  "approving",
  "waiting-for-signers",
  "awaiting-signature",
  "add-new-wallet",
  "add-own-wallet",
  "signing-in",
  "sent",
  "maybe-sent",
  "payment-unanswered",
  "payment-under-way",
  "refund-sent",
  "objection-sent",
  "reverted",
  "mined-reverted",
  "replaced-or-dropped",
  "refused-by-site",
  "site-unreachable",
  "node-trouble",
] as const;
export type MessageKey = (typeof MESSAGE_KEYS)[number];

/** A state that stops the flow, with what its words need to name. */
export class Problem extends Error {
  constructor(
    readonly key: MessageKey,
    readonly values: Readonly<Record<string, string>> = {},
    readonly revert?: string,
  ) {
    super(key);
  }
}

export const USER_REJECTED = 4001;
export const UNAUTHORIZED = 4100;
export const UNSUPPORTED = 4200;
export const UNKNOWN_CHAIN = 4902;
export const REQUEST_PENDING = -32002;
export const METHOD_NOT_FOUND = -32601;
const WALLETCONNECT_REJECTED = 5000;

type Layer = Readonly<Record<string, unknown>>;
const MAX_LAYERS = 20;

/** The error and all that wallets wrapped in it (`data`, `data.originalError`, `cause`, …), outermost first. */
function layers(error: unknown): Layer[] {
  const found: Layer[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < MAX_LAYERS) {
    const value = waiting.shift();
    if (typeof value !== "object" || value === null || found.includes(value as Layer)) continue;
    const layer = value as Layer;
    found.push(layer);
    waiting.push(layer.data, layer.originalError, layer.error, layer.cause, layer.info);
  }
  return found;
}

/** Whether any layer has one of these codes, as a number or as text. */
export function hasCode(error: unknown, ...codes: readonly (number | string)[]): boolean {
  return layers(error).some(
    ({ code }) => code !== undefined && codes.some((each) => String(each) === String(code)),
  );
}

/** Whether any layer's words match; some wallets throw text alone. */
export function hasWords(error: unknown, pattern: RegExp): boolean {
  if (typeof error === "string") return pattern.test(error);
  return layers(error).some(({ message }) => typeof message === "string" && pattern.test(message));
}

/** The person said no in the wallet: nothing was signed, nothing left. */
export function isRefusal(error: unknown): boolean {
  return (
    hasCode(error, USER_REJECTED, WALLETCONNECT_REJECTED, "ACTION_REJECTED") ||
    hasWords(error, /\buser (?:has )?(?:rejected|denied|declined|cancell?ed)\b/i) ||
    hasWords(error, /\b(?:rejected|denied|declined|cancell?ed) by (?:the )?user\b/i)
  );
}

function isShortOfFunds(error: unknown): boolean {
  return hasCode(error, "INSUFFICIENT_FUNDS") || hasWords(error, /insufficient (?:funds|balance)/i);
}

/** Whether a wallet says that it does not know a method. Some lack the function altogether: a TypeError. */
export function isUnsupported(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    hasCode(error, UNSUPPORTED, METHOD_NOT_FOUND) ||
    hasWords(error, /not (?:supported|implemented|available)|unsupported|does not exist|is not a function/i)
  );
}

/**
 * Whether a wallet that was asked to send certainly sent nothing: it refused before it could have. Whatever is
 * not on this list may have left, also an error of its node: that can come after the node took it.
 */
export function isUnsent(error: unknown): boolean {
  return (
    error instanceof Problem ||
    isRefusal(error) ||
    hasCode(error, UNAUTHORIZED, UNSUPPORTED, METHOD_NOT_FOUND, UNKNOWN_CHAIN) ||
    isShortOfFunds(error) ||
    namedRevert(error) !== undefined
  );
}

/** Bytes a contract reverted with, wherever this wallet put them. */
export function revertData(error: unknown): Hex | undefined {
  return layers(error)
    .map(({ data }) => data)
    .find((data): data is Hex => typeof data === "string" && /^0x([0-9a-f]{2})+$/i.test(data));
}

/** The custom error's name, when it is one of ours. */
export function revertName(data: Hex): RevertName | undefined {
  try {
    return decodeErrorResult({ abi: [...campaignErrors, ...tokenErrors], data }).errorName;
  } catch {
    return undefined;
  }
}

export function namedRevert(error: unknown): RevertName | undefined {
  const data = revertData(error);
  return data && revertName(data);
}

/** What a wallet's or node's error means to the person in front of it. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ApiError) return refusalBySite(error);
  if (isRefusal(error)) return new Problem("rejected");
  if (hasCode(error, UNAUTHORIZED)) return new Problem("locked");
  if (hasCode(error, REQUEST_PENDING)) return new Problem("request-pending");
  const data = revertData(error);
  if (data) return new Problem("reverted", {}, revertName(data) ?? "unknown");
  if (isShortOfFunds(error)) return new Problem("insufficient-funds-by-wallet");
  if (hasWords(error, /revert/i)) return new Problem("reverted", {}, "unknown");
  return new Problem("node-trouble", { detail: wordsOf(error) });
}

function wordsOf(error: unknown): string {
  if (typeof error === "string") return error;
  const worded = layers(error).find(({ message }) => typeof message === "string" && message !== "");
  return worded ? String(worded.message) : "";
}

function refusalBySite(error: ApiError): Problem {
  if (error.isTrouble && error.problem.message === "") return new Problem("site-unreachable");
  const { message, fields } = error.problem;
  if (error.status === 401 || (error.status === 403 && (isAboutCsrf(error) || message === ""))) {
    return new Problem("signed-out");
  }
  const details = Object.values(fields ?? {}).flat();
  return new Problem("refused-by-site", { detail: [message, ...details].join(" ").trim() });
}
