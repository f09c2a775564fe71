import { encodeErrorResult } from "viem/utils";
import { describe, expect, it } from "vitest";
import { ApiError } from "../http.ts";
import { rpcError } from "../testing.ts";
import { campaignErrors } from "./abi.ts";
import { hasCode, isUnsent, isUnsupported, Problem, problemFrom, revertData } from "./problems.ts";

const soldOut = encodeErrorResult({ abi: campaignErrors, errorName: "Campaign_TierSoldOut", args: [2] });

describe("problemFrom", () => {
  it.each([
    [rpcError(4001), "rejected"],
    [rpcError(4100), "locked"],
    [rpcError(-32002), "request-pending"],
    [rpcError(-32000, "insufficient funds for gas * price + value"), "insufficient-funds-by-wallet"],
    [
      rpcError(-32603, "", { originalError: { message: "Insufficient balance" } }),
      "insufficient-funds-by-wallet",
    ],
    [{ code: "4001", message: "" }, "rejected"],
    [rpcError(-32603, "Internal JSON-RPC error.", { code: 4001, message: "denied" }), "rejected"],
    [{ code: 5000, message: "User rejected." }, "rejected"],
    [{ message: "The user interface rejected it" }, "node-trouble"],
    [{ message: "User has rejected the request" }, "rejected"],
    ["Transaction was rejected by the user", "rejected"],
    [rpcError(-32603, "wrapped", { cause: { code: -32002 } }), "request-pending"],
    [new ApiError(401, { code: "sign_in_required", message: "Sign in." }), "signed-out"],
    [new ApiError(403, { code: "csrf_failed", message: "CSRF" }), "signed-out"],
    [new ApiError(403, { code: "not_served", message: "We cannot serve it." }), "refused-by-site"],
    [new ApiError(503, { code: "node_unreachable", message: "No node answered." }), "refused-by-site"],
    [new ApiError(502, { code: "unreadable", message: "" }), "site-unreachable"],
    [new ApiError(0, { code: "unreachable", message: "" }), "site-unreachable"],
    [rpcError(-32000, "execution reverted"), "reverted"],
    [rpcError(-32603, "socket hang up"), "node-trouble"],
    [undefined, "node-trouble"],
  ] as const)("reads %o as %s", (error, key) => {
    expect(problemFrom(error).key).toBe(key);
  });

  it.each([
    { code: 4902 },
    { code: "4902" },
    { code: -32603, data: { originalError: { code: 4902 } } },
    { code: -32603, data: { code: 4902 } },
    { error: { code: 4902 } },
    { cause: { cause: { code: 4902 } } },
  ])("finds the code that a wallet wrapped in %o", (error) => {
    expect(hasCode(error, 4902)).toBe(true);
    expect(hasCode(error, 4001)).toBe(false);
  });

  it("does not go round in circles", () => {
    const error: Record<string, unknown> = { code: 1 };
    error.cause = error;
    expect(hasCode(error, 2)).toBe(false);
  });

  it.each([
    ["in data", rpcError(3, "execution reverted", soldOut)],
    ["in data.data", rpcError(-32603, "", { data: soldOut })],
    ["in data.originalError.data", rpcError(-32603, "", { originalError: { data: soldOut } })],
    ["in the cause", new Error("failed", { cause: rpcError(3, "", soldOut) })],
  ])("names the contract's own error when it is %s", (_, error) => {
    const problem = problemFrom(error);
    expect(problem.key).toBe("reverted");
    expect(problem.revert).toBe("Campaign_TierSoldOut");
  });

  it("has words for an error it does not know", () => {
    expect(problemFrom(rpcError(3, "", "0xdeadbeef")).revert).toBe("unknown");
  });

  it("keeps a problem as it is", () => {
    const problem = new Problem("wrong-account");
    expect(problemFrom(problem)).toBe(problem);
  });

  it("does not take a message for revert data", () => {
    expect(revertData(rpcError(3, "", "0x not hex"))).toBeUndefined();
  });
});

describe("isUnsent", () => {
  it.each([
    new Problem("switch-network"),
    rpcError(4001),
    rpcError(4100),
    rpcError(4200),
    rpcError(4902),
    rpcError(-32601),
    rpcError(-32000, "insufficient funds"),
    rpcError(3, "execution reverted", soldOut),
  ])("is certain of %o", (error) => expect(isUnsent(error)).toBe(true));

  it.each([
    rpcError(4900),
    rpcError(4901),
    rpcError(-32000, "nonce too low"),
    rpcError(-32000, "already known"),
    rpcError(-32603, "Internal error"),
    rpcError(-32002),
    rpcError(3, "execution reverted"),
    new Error("Request expired"),
    new TypeError("Failed to fetch"),
    undefined,
  ])("is not certain of %o", (error) => expect(isUnsent(error)).toBe(false));
});

describe("isUnsupported", () => {
  it.each([
    rpcError(4200),
    rpcError(-32601),
    new TypeError("provider.request is not a function"),
    rpcError(-32603, "wallet_switchEthereumChain is not supported"),
    rpcError(-32600, "Method not implemented"),
    rpcError(-32000, "the method wallet_addEthereumChain does not exist/is not available"),
  ])("knows %o", (error) => expect(isUnsupported(error)).toBe(true));

  it.each([rpcError(4001), rpcError(4902), undefined])("does not take %o for it", (error) =>
    expect(isUnsupported(error)).toBe(false),
  );
});
