// The few functions and errors pages need. abi.test.ts holds them to the compiled contracts in abis/.

const uint256 = { name: "", type: "uint256" } as const;
const address = { name: "", type: "address" } as const;
const uint32 = { name: "", type: "uint32" } as const;

function error<const Name extends string, const Inputs extends readonly { name: string; type: string }[]>(
  name: Name,
  inputs: Inputs,
) {
  return { type: "error", name, inputs } as const;
}

export const campaignFunctions = [
  {
    type: "function",
    name: "contribute",
    stateMutability: "payable",
    inputs: [
      { name: "tierId", type: "uint32" },
      { name: "ref", type: "bytes32" },
    ],
    outputs: [],
  },
  {
    type: "function",
    name: "contributeERC20",
    stateMutability: "nonpayable",
    inputs: [
      { name: "amount", type: "uint256" },
      { name: "tierId", type: "uint32" },
      { name: "ref", type: "bytes32" },
    ],
    outputs: [],
  },
  {
    type: "function",
    name: "contributeERC20WithPermit",
    stateMutability: "nonpayable",
    inputs: [
      { name: "amount", type: "uint256" },
      { name: "tierId", type: "uint32" },
      { name: "ref", type: "bytes32" },
      {
        name: "permit",
        type: "tuple",
        components: [
          { name: "deadline", type: "uint256" },
          { name: "v", type: "uint8" },
          { name: "r", type: "bytes32" },
          { name: "s", type: "bytes32" },
        ],
      },
    ],
    outputs: [],
  },
  { type: "function", name: "object", stateMutability: "nonpayable", inputs: [], outputs: [] },
  { type: "function", name: "unobject", stateMutability: "nonpayable", inputs: [], outputs: [] },
  { type: "function", name: "refund", stateMutability: "nonpayable", inputs: [], outputs: [] },
  {
    type: "function",
    name: "takeBack",
    stateMutability: "nonpayable",
    inputs: [{ name: "to", type: "address" }],
    outputs: [],
  },
] as const;

export const campaignErrors = [
  error("Campaign_AlreadyObjected", [address, uint32]),
  error("Campaign_BelowMinimum", [uint256, uint256]),
  error("Campaign_BelowTierPrice", [uint32, uint256, uint256]),
  error("Campaign_CapExceeded", [uint256]),
  error("Campaign_ContributionsPaused", []),
  error("Campaign_CreatorCannotObject", [address]),
  error("Campaign_DeadlinePassed", [uint256, uint256]),
  error("Campaign_MilestoneNotSubmitted", [uint32]),
  error("Campaign_NotABacker", [address]),
  error("Campaign_NotObjected", [address, uint32]),
  error("Campaign_NothingToRefund", [address]),
  error("Campaign_ObjectionWindowOver", [uint256, uint256]),
  error("Campaign_PledgeFirm", [uint256, uint256, uint256, uint256]),
  error("Campaign_TierSoldOut", [uint32]),
  error("Campaign_TooManyRewards", [uint32, uint256]),
  error("Campaign_TransferFailed", [address, uint256]),
  error("Campaign_UnexpectedTokenDelta", [uint256, uint256]),
  error("Campaign_UnknownTier", [uint32, uint32]),
  error("Campaign_WrongCurrency", [address]),
  error("Campaign_WrongState", [{ name: "", type: "uint8" }]),
  error("Campaign_ZeroAmount", []),
] as const;

export const tokenFunctions = [
  {
    type: "function",
    name: "allowance",
    stateMutability: "view",
    inputs: [
      { name: "owner", type: "address" },
      { name: "spender", type: "address" },
    ],
    outputs: [{ name: "", type: "uint256" }],
  },
  {
    type: "function",
    name: "approve",
    stateMutability: "nonpayable",
    inputs: [
      { name: "spender", type: "address" },
      { name: "value", type: "uint256" },
    ],
    outputs: [{ name: "", type: "bool" }],
  },
  {
    type: "function",
    name: "balanceOf",
    stateMutability: "view",
    inputs: [{ name: "account", type: "address" }],
    outputs: [{ name: "", type: "uint256" }],
  },
  {
    type: "function",
    name: "nonces",
    stateMutability: "view",
    inputs: [{ name: "owner", type: "address" }],
    outputs: [{ name: "", type: "uint256" }],
  },
  {
    type: "function",
    name: "DOMAIN_SEPARATOR",
    stateMutability: "view",
    inputs: [],
    outputs: [{ name: "", type: "bytes32" }],
  },
  {
    type: "function",
    name: "name",
    stateMutability: "view",
    inputs: [],
    outputs: [{ name: "", type: "string" }],
  },
  {
    type: "function",
    name: "eip712Domain",
    stateMutability: "view",
    inputs: [],
    outputs: [
      { name: "fields", type: "bytes1" },
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
      { name: "salt", type: "bytes32" },
      { name: "extensions", type: "uint256[]" },
    ],
  },
] as const;

/** What some tokens have beside the standards, and ours has not. */
export const otherTokenFunctions = [
  {
    type: "function",
    name: "version",
    stateMutability: "view",
    inputs: [],
    outputs: [{ name: "", type: "string" }],
  },
  {
    type: "function",
    name: "PERMIT_TYPEHASH",
    stateMutability: "view",
    inputs: [],
    outputs: [{ name: "", type: "bytes32" }],
  },
] as const;

export const tokenErrors = [
  error("ERC20InsufficientAllowance", [address, uint256, uint256]),
  error("ERC20InsufficientBalance", [address, uint256, uint256]),
] as const;
