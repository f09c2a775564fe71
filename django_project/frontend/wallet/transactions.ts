// Calls to campaign contracts: encoded, tried without sending, then sent.
import { decodeFunctionResult, encodeFunctionData, formatUnits, hexToBigInt, numberToHex } from "viem/utils";
import { campaignFunctions, tokenFunctions } from "./abi.ts";
import { Problem, problemFrom } from "./problems.ts";
import type { Call, Chain, Hex, Provider } from "./types.ts";

export const NATIVE: Hex = `0x${"0".repeat(40)}`;
export const NO_REF: Hex = `0x${"0".repeat(64)}`;
export const RECEIPT_POLL_MILLISECONDS = 1000;

export interface Pledge {
  backer: Hex;
  campaign: Hex;
  token: Hex;
  amount: bigint;
  tierId: number;
}

export function contributeCall(pledge: Pledge, ref: Hex): Call {
  const base = { from: pledge.backer, to: pledge.campaign };
  if (pledge.token === NATIVE) {
    const data = encodeFunctionData({
      abi: campaignFunctions,
      functionName: "contribute",
      args: [pledge.tierId, ref],
    });
    return { ...base, data, value: numberToHex(pledge.amount) };
  }
  const data = encodeFunctionData({
    abi: campaignFunctions,
    functionName: "contributeERC20",
    args: [pledge.amount, pledge.tierId, ref],
  });
  return { ...base, data, value: "0x0" };
}

export type BackerCall = "refund" | "takeBack" | "object" | "unobject";

/** What a backer asks of a campaign besides giving; money that comes back goes to its own account. */
export function backerCall(functionName: BackerCall, backer: Hex, campaign: Hex): Call {
  const data =
    functionName === "takeBack"
      ? encodeFunctionData({ abi: campaignFunctions, functionName, args: [backer] })
      : encodeFunctionData({ abi: campaignFunctions, functionName });
  return { from: backer, to: campaign, data, value: "0x0" };
}

export function approveCall(pledge: Pledge): Call {
  const data = encodeFunctionData({
    abi: tokenFunctions,
    functionName: "approve",
    args: [pledge.campaign, pledge.amount],
  });
  return { from: pledge.backer, to: pledge.token, data, value: "0x0" };
}

async function readToken(
  provider: Provider,
  token: Hex,
  functionName: "allowance" | "balanceOf",
  args: readonly Hex[],
): Promise<bigint> {
  const data = encodeFunctionData({ abi: tokenFunctions, functionName, args: args as never });
  const answer = (await provider.request({
    method: "eth_call",
    params: [{ to: token, data }, "latest"],
  })) as Hex;
  return decodeFunctionResult({ abi: tokenFunctions, functionName, data: answer });
}

export interface Cost {
  gas: bigint;
  /** Highest fee in the chain's base units, at the price the wallet's node names now. */
  fee: bigint;
}

/** Try a call without sending it, and hold the account to value + fee; rejects with a Problem. */
export async function simulate(provider: Provider, call: Call, chain: Chain): Promise<Cost> {
  const balance = await native(provider, "eth_getBalance", [call.from, "latest"]);
  const value = hexToBigInt(call.value);
  const short = (needed: bigint): Problem =>
    new Problem("insufficient-funds", {
      needed: `${formatUnits(needed, chain.currency.decimals)} ${chain.currency.symbol}`,
      balance: `${formatUnits(balance, chain.currency.decimals)} ${chain.currency.symbol}`,
    });
  if (balance < value) throw short(value);
  let gas: bigint;
  try {
    await provider.request({ method: "eth_call", params: [call, "latest"] });
    gas = await native(provider, "eth_estimateGas", [call]);
  } catch (error) {
    throw problemFrom(error);
  }
  const fee = gas * (await native(provider, "eth_gasPrice", []));
  if (balance < value + fee) throw short(value + fee);
  return { gas, fee };
}

async function native(provider: Provider, method: string, params: readonly unknown[]): Promise<bigint> {
  return hexToBigInt((await provider.request({ method, params })) as Hex);
}

/** Whether the token must be approved first; rejects when the backer does not hold enough of it. */
export async function needsApproval(provider: Provider, pledge: Pledge, unit: TokenUnit): Promise<boolean> {
  if (pledge.token === NATIVE) return false;
  const balance = await readToken(provider, pledge.token, "balanceOf", [pledge.backer]);
  if (balance < pledge.amount) {
    throw new Problem("insufficient-token", {
      needed: `${formatUnits(pledge.amount, unit.decimals)} ${unit.symbol}`,
      balance: `${formatUnits(balance, unit.decimals)} ${unit.symbol}`,
    });
  }
  const allowed = await readToken(provider, pledge.token, "allowance", [pledge.backer, pledge.campaign]);
  return allowed < pledge.amount;
}

export interface TokenUnit {
  symbol: string;
  decimals: number;
}

export async function send(provider: Provider, call: Call): Promise<Hex> {
  try {
    return (await provider.request({ method: "eth_sendTransaction", params: [call] })) as Hex;
  } catch (error) {
    throw problemFrom(error);
  }
}

export interface Receipt {
  status: Hex;
  blockNumber: Hex;
}

export async function receiptOf(provider: Provider, hash: Hex): Promise<Receipt | null> {
  return (await provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as Receipt | null;
}

/** A node that has just taken a transaction may not show it at once; missing this often means it is gone. */
export const MISSES_UNTIL_GONE = 3;

/** What the wallet's node knows of a transaction now; trouble with the node counts as waiting. */
export async function fateOf(
  provider: Provider,
  hash: Hex,
): Promise<"waiting" | "mined" | "reverted" | "missing"> {
  try {
    const receipt = await receiptOf(provider, hash);
    if (receipt) return receipt.status === "0x1" ? "mined" : "reverted";
    const found = await provider.request({ method: "eth_getTransactionByHash", params: [hash] });
    return found ? "waiting" : "missing";
  } catch {
    return "waiting";
  }
}

/** Wait until the transaction is in a block; rejects with a Problem when it reverted there or is gone. */
export async function mined(provider: Provider, hash: Hex): Promise<void> {
  for (let misses = 0; ; ) {
    const fate = await fateOf(provider, hash);
    if (fate === "mined") return;
    if (fate === "reverted") throw new Problem("mined-reverted");
    misses = fate === "missing" ? misses + 1 : 0;
    if (misses >= MISSES_UNTIL_GONE) throw new Problem("replaced-or-dropped");
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MILLISECONDS));
  }
}
