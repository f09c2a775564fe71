// Calls to campaign and token contracts: encoded, tried without sending, then sent.
import { decodeFunctionResult, encodeFunctionData, formatUnits, hexToBigInt, numberToHex } from "viem/utils";
import { campaignFunctions, tokenFunctions } from "./abi.ts";
import { hides, isOn, wrongNetwork } from "./connection.ts";
import type { Permit } from "./permit.ts";
import { namedRevert, Problem, problemFrom } from "./problems.ts";
import type { Call, Chain, Hex, Provider } from "./types.ts";

export const NATIVE: Hex = `0x${"0".repeat(40)}`;
export const NO_REF: Hex = `0x${"0".repeat(64)}`;
/** How an account begins that delegates to code and still signs with its own key (EIP-7702). */
const DELEGATION = "0xef0100";

export interface Pledge {
  chain: Chain;
  backer: Hex;
  campaign: Hex;
  token: Hex;
  amount: bigint;
  tierId: number;
  unit: TokenUnit;
}

export interface TokenUnit {
  symbol: string;
  decimals: number;
}

export function contributeCall(pledge: Pledge, ref: Hex, permit?: Permit): Call {
  const { amount, tierId } = pledge;
  if (pledge.token === NATIVE) {
    return { ...callTo(pledge, pledge.campaign, contributeData(tierId, ref)), value: numberToHex(amount) };
  }
  const data = permit
    ? encodeFunctionData({
        abi: campaignFunctions,
        functionName: "contributeERC20WithPermit",
        args: [amount, tierId, ref, permit],
      })
    : encodeFunctionData({
        abi: campaignFunctions,
        functionName: "contributeERC20",
        args: [amount, tierId, ref],
      });
  return callTo(pledge, pledge.campaign, data);
}

function contributeData(tierId: number, ref: Hex): Hex {
  return encodeFunctionData({ abi: campaignFunctions, functionName: "contribute", args: [tierId, ref] });
}

export function approveCall(pledge: Pledge, amount: bigint): Call {
  const data = encodeFunctionData({
    abi: tokenFunctions,
    functionName: "approve",
    args: [pledge.campaign, amount],
  });
  return callTo(pledge, pledge.token, data);
}

function callTo({ chain, backer }: Pledge, to: Hex, data: Hex): Call {
  return { chainId: numberToHex(chain.id), from: backer, to, data, value: "0x0" };
}

export type BackerCall = "refund" | "takeBack" | "object" | "unobject";

/** What a backer asks of a campaign besides giving; money that comes back goes to its own account. */
export function backerCall(functionName: BackerCall, chain: Chain, backer: Hex, campaign: Hex): Call {
  const data =
    functionName === "takeBack"
      ? encodeFunctionData({ abi: campaignFunctions, functionName, args: [backer] })
      : encodeFunctionData({ abi: campaignFunctions, functionName });
  return { chainId: numberToHex(chain.id), from: backer, to: campaign, data, value: "0x0" };
}

/** What a contract that is called without sending reverts with when it has done it already. */
export const DONE_ALREADY = {
  refund: "Campaign_NothingToRefund",
  takeBack: "Campaign_NothingToRefund",
  object: "Campaign_AlreadyObjected",
  unobject: "Campaign_NotObjected",
} as const satisfies Record<BackerCall, string>;

export async function isDone(provider: Provider, name: BackerCall, call: Call): Promise<boolean> {
  try {
    await tryCall(provider, call);
    return false;
  } catch (error) {
    if (namedRevert(error) === undefined) throw error;
    return namedRevert(error) === DONE_ALREADY[name];
  }
}

/** What a node would answer to a call; the chain is the wallet's own, so it is not named once more. */
export async function tryCall(provider: Provider, { from, to, data, value }: Call): Promise<Hex> {
  return (await provider.request({
    method: "eth_call",
    params: [{ from, to, data, value }, "latest"],
  })) as Hex;
}

export async function readAllowance(provider: Provider, pledge: Pledge): Promise<bigint> {
  const data = encodeFunctionData({
    abi: tokenFunctions,
    functionName: "allowance",
    args: [pledge.backer, pledge.campaign],
  });
  const answer = await tryCall(provider, callTo(pledge, pledge.token, data));
  return decodeFunctionResult({ abi: tokenFunctions, functionName: "allowance", data: answer });
}

async function readBalance(provider: Provider, pledge: Pledge): Promise<bigint> {
  const data = encodeFunctionData({
    abi: tokenFunctions,
    functionName: "balanceOf",
    args: [pledge.backer],
  });
  const answer = await tryCall(provider, callTo(pledge, pledge.token, data));
  return decodeFunctionResult({ abi: tokenFunctions, functionName: "balanceOf", data: answer });
}

/** The token's allowance for the campaign; rejects when the backer does not hold enough of the token. */
export async function checkToken(provider: Provider, pledge: Pledge): Promise<bigint> {
  const { amount, chain, unit } = pledge;
  const balance = await readBalance(provider, pledge);
  if (balance < amount) {
    throw new Problem("insufficient-token", {
      needed: `${formatUnits(amount, unit.decimals)} ${unit.symbol}`,
      balance: `${formatUnits(balance, unit.decimals)} ${unit.symbol}`,
      network: chain.name,
    });
  }
  return readAllowance(provider, pledge);
}

/** Reject unless each address has code on the chain that the wallet's node shows. */
export async function requireCode(
  provider: Provider,
  chain: Chain,
  addresses: readonly Hex[],
): Promise<void> {
  for (const address of addresses) {
    if ((await codeAt(provider, address)) === "0x") {
      throw new Problem("no-contract", { network: chain.name, address });
    }
  }
}

async function codeAt(provider: Provider, address: Hex): Promise<string> {
  const code = await provider.request({ method: "eth_getCode", params: [address, "latest"] });
  return typeof code === "string" && code !== "" ? code.toLowerCase() : "0x";
}

/**
 * Whether others sign or pay for this address: it has code that is no delegation of its own key, or it signed in
 * as a contract that its first transaction deploys, which the page says.
 */
export async function isContract(provider: Provider, address: Hex): Promise<boolean> {
  if (document.querySelector(`[data-by-contract="${address}"]`)) return true;
  const code = await codeAt(provider, address);
  return code !== "0x" && !code.startsWith(DELEGATION);
}

export interface Cost {
  gas: bigint;
  /** Highest fee in the chain's base units, at the price the wallet's node names now. */
  fee: bigint;
}

/**
 * Try a call without sending it, and hold the account to value + fee; rejects with a Problem. A contract
 * wallet is held to the value alone, and costs nothing that can be told: somebody else pays its fee.
 */
export async function simulate(provider: Provider, call: Call, chain: Chain): Promise<Cost | undefined> {
  const balance = await native(provider, "eth_getBalance", [call.from, "latest"]);
  const value = hexToBigInt(call.value);
  const short = (needed: bigint): Problem =>
    new Problem("insufficient-funds", {
      needed: `${formatUnits(needed, chain.currency.decimals)} ${chain.currency.symbol}`,
      balance: `${formatUnits(balance, chain.currency.decimals)} ${chain.currency.symbol}`,
      network: chain.name,
    });
  if (balance < value) throw short(value);
  let gas: bigint;
  try {
    await tryCall(provider, call);
    if (await isContract(provider, call.from)) return undefined;
    const { from, to, data } = call;
    gas = await native(provider, "eth_estimateGas", [{ from, to, data, value: call.value }]);
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

/**
 * Have the wallet send a call, after a last look that it is still on the chain and shows the account.
 * What the wallet throws when it is asked to send comes through as it is: `isUnsent` tells whether something may
 * have left.
 */
export async function send(provider: Provider, call: Call, chain: Chain): Promise<Hex> {
  if (await hides(provider, call.from)) throw new Problem("locked");
  const isThere = await isOn(provider, chain).catch((error) => Promise.reject(problemFrom(error)));
  if (!isThere) throw wrongNetwork(chain);
  return (await provider.request({ method: "eth_sendTransaction", params: [call] })) as Hex;
}
