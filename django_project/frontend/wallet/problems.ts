// Everything that can go wrong between a page and a wallet, by the name of the words that tell it.
import { decodeErrorResult } from "viem/utils";
import { campaignErrors, tokenErrors } from "./abi.ts";
import type { Hex } from "./types.ts";

export type RevertName = (typeof campaignErrors)[number]["name"] | (typeof tokenErrors)[number]["name"];

/** Each key has its `<template data-message>` in web/partials/wallet_messages.html (tests hold them equal). */
export const MESSAGE_KEYS = [
  "no-wallet",
  "choose-wallet",
  "connecting",
  "locked",
  "request-pending",
  "rejected",
  "wrong-account",
  "switch-network",
  "add-network-by-hand",
  "checking",
  "insufficient-funds",
  "insufficient-token",
  "approve-token",
  "approving",
  "awaiting-signature",
  "signing-in",
  "sent",
  "refund-sent",
  "objection-sent",
  "reverted",
  "mined-reverted",
  "replaced-or-dropped",
  "refused-by-site",
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

interface RpcError {
  code?: number;
  message?: string;
  data?: unknown;
}

export const USER_REJECTED = 4001;
export const UNAUTHORIZED = 4100;
export const UNKNOWN_CHAIN = 4902;
export const REQUEST_PENDING = -32002;

/** The error's code; some wallets wrap the node's own error one or two levels down. */
export function errorCode(error: unknown): number | undefined {
  const { code, data } = (error ?? {}) as RpcError;
  const inner = (data as { originalError?: RpcError } | undefined)?.originalError?.code;
  return inner ?? code;
}

/** Bytes a contract reverted with, wherever this wallet put them. */
export function revertData(error: unknown): Hex | undefined {
  for (let value: unknown = error, depth = 0; depth < 5 && value; depth += 1) {
    if (typeof value === "string") return /^0x([0-9a-f]{2})+$/i.test(value) ? (value as Hex) : undefined;
    const { data, originalError, error: nested, cause } = value as Record<string, unknown>;
    value = data ?? originalError ?? nested ?? cause;
  }
  return undefined;
}

/** The custom error's name, when it is one of ours. */
export function revertName(data: Hex): RevertName | undefined {
  try {
    return decodeErrorResult({ abi: [...campaignErrors, ...tokenErrors], data }).errorName;
  } catch {
    return undefined;
  }
}

/** What a wallet's or node's error means to the person in front of it. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  switch (errorCode(error)) {
    case USER_REJECTED:
      return new Problem("rejected");
    case UNAUTHORIZED:
      return new Problem("locked");
    case REQUEST_PENDING:
      return new Problem("request-pending");
  }
  const data = revertData(error);
  if (data) return new Problem("reverted", {}, revertName(data) ?? "unknown");
  const message = (error as RpcError | undefined)?.message ?? "";
  if (/insufficient funds/i.test(message)) return new Problem("insufficient-funds");
  if (/revert/i.test(message)) return new Problem("reverted", {}, "unknown");
  return new Problem("node-trouble", { detail: message });
}
