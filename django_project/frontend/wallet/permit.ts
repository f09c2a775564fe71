// Approvals that are signed instead of sent (EIP-2612), for tokens that have exactly that form.
import type { Abi } from "viem";
import {
  decodeFunctionResult,
  encodeFunctionData,
  hashStruct,
  hexToBigInt,
  hexToNumber,
  isHex,
  numberToHex,
  size,
  slice,
} from "viem/utils";
import { otherTokenFunctions, tokenFunctions } from "./abi.ts";
import { type Pledge, tryCall } from "./transactions.ts";
import type { Hex, Provider } from "./types.ts";

/** A signed approval as campaigns take it. */
export interface Permit {
  deadline: bigint;
  v: number;
  r: Hex;
  s: Hex;
}

interface Domain {
  name?: string;
  version?: string;
  chainId?: bigint;
  verifyingContract?: Hex;
  salt?: Hex;
}

export interface PermitTerms {
  domain: Domain;
  nonce: bigint;
  deadline: bigint;
}

/** How long a signature can be used, by the chain's clock: enough for the second request and a busy network. */
const VALID_SECONDS = 3600n;
/** keccak256 of EIP-2612's Permit type; DAI's names other fields. */
const PERMIT_TYPEHASH = "0x6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9";

const DOMAIN_TYPES = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
  { name: "salt", type: "bytes32" },
] as const;

const PERMIT_TYPES = [
  { name: "owner", type: "address" },
  { name: "spender", type: "address" },
  { name: "value", type: "uint256" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
] as const;

/** What to sign for this pledge; undefined when the token has no permit of that form that we can prove. */
export async function permitTerms(provider: Provider, pledge: Pledge): Promise<PermitTerms | undefined> {
  const read = reader(provider, pledge);
  try {
    const [separator, nonce] = [
      await read<Hex>("DOMAIN_SEPARATOR"),
      await read<bigint>("nonces", [pledge.backer]),
    ];
    const typehash = await read<Hex>("PERMIT_TYPEHASH").catch(() => PERMIT_TYPEHASH);
    if (typehash !== PERMIT_TYPEHASH) return undefined;
    const domain = await findDomain(read, pledge, separator);
    return domain && { domain, nonce, deadline: (await chainTime(provider)) + VALID_SECONDS };
  } catch {
    return undefined;
  }
}

type Read = <Answer>(functionName: string, args?: readonly unknown[]) => Promise<Answer>;

function reader(provider: Provider, { chain, backer, token }: Pledge): Read {
  const abi = [...tokenFunctions, ...otherTokenFunctions] as Abi;
  return async <Answer>(functionName: string, args: readonly unknown[] = []) => {
    const data = encodeFunctionData({ abi, functionName, args });
    const call = { chainId: numberToHex(chain.id), from: backer, to: token, data, value: "0x0" } as const;
    return decodeFunctionResult({ abi, functionName, data: await tryCall(provider, call) }) as Answer;
  };
}

type Eip712Domain = readonly [Hex, string, string, bigint, Hex, Hex, readonly bigint[]];

/** The domain that hashes to what the token itself says; nothing is signed that the token would not accept. */
async function findDomain(read: Read, pledge: Pledge, separator: Hex): Promise<Domain | undefined> {
  for (const domain of await candidates(read, pledge)) {
    if (hashDomain(domain) === separator) return domain;
  }
  return undefined;
}

async function candidates(read: Read, { chain, token }: Pledge): Promise<Domain[]> {
  const told = await read<Eip712Domain>("eip712Domain").catch(() => undefined);
  const common = { chainId: BigInt(chain.id), verifyingContract: token };
  if (told) {
    const [fields, name, version, chainId, verifyingContract, salt] = told;
    const all = { name, version, chainId, verifyingContract, salt };
    const used = DOMAIN_TYPES.filter((_, bit) => (hexToNumber(fields) >> bit) & 1).map((type) => type.name);
    const isOurs = chainId === common.chainId && verifyingContract.toLowerCase() === token.toLowerCase();
    return isOurs ? [Object.fromEntries(used.map((each) => [each, all[each]]))] : [];
  }
  const name = await read<string>("name");
  const version = await read<string>("version").catch(() => "1");
  return [
    { name, version, ...common },
    { name, version: "1", ...common },
    { name, ...common },
  ];
}

function domainTypes(domain: Domain): { name: string; type: string }[] {
  return DOMAIN_TYPES.filter(({ name }) => domain[name] !== undefined);
}

function hashDomain(domain: Domain): Hex {
  return hashStruct({
    data: domain as Record<string, unknown>,
    primaryType: "EIP712Domain",
    types: { EIP712Domain: domainTypes(domain) },
  });
}

async function chainTime(provider: Provider): Promise<bigint> {
  const block = await provider.request({ method: "eth_getBlockByNumber", params: ["latest", false] });
  return hexToBigInt((block as { timestamp: Hex }).timestamp);
}

/**
 * Have the wallet sign the terms; undefined for a signature that no token can read from v, r and s. What the
 * wallet throws comes through.
 */
export async function signPermit(
  provider: Provider,
  pledge: Pledge,
  terms: PermitTerms,
): Promise<Permit | undefined> {
  const { domain, nonce, deadline } = terms;
  const text = JSON.stringify(
    {
      types: { EIP712Domain: domainTypes(domain), Permit: PERMIT_TYPES },
      primaryType: "Permit",
      domain,
      message: {
        owner: pledge.backer,
        spender: pledge.campaign,
        value: pledge.amount,
        nonce,
        deadline,
      },
    },
    (key, value) => (typeof value === "bigint" ? (key === "chainId" ? Number(value) : String(value)) : value),
  );
  const signature = await provider.request({ method: "eth_signTypedData_v4", params: [pledge.backer, text] });
  return permitFrom(signature, deadline);
}

/** 65 bytes, or the 64 of EIP-2098, whose highest bit of s is the parity. */
function permitFrom(signature: unknown, deadline: bigint): Permit | undefined {
  if (!isHex(signature)) return undefined;
  if (size(signature) === 64) {
    const packed = hexToBigInt(slice(signature, 32, 64));
    const s = numberToHex(packed & ((1n << 255n) - 1n), { size: 32 });
    return { deadline, v: 27 + Number(packed >> 255n), r: slice(signature, 0, 32), s };
  }
  if (size(signature) !== 65) return undefined;
  const last = hexToNumber(slice(signature, 64));
  const v = last < 27 ? last + 27 : last;
  return { deadline, v, r: slice(signature, 0, 32), s: slice(signature, 32, 64) };
}
