import { encodeErrorResult } from "viem/utils";
import { describe, expect, it } from "vitest";
import { rpcError } from "../testing.ts";
import { campaignErrors } from "./abi.ts";
import { errorCode, Problem, problemFrom, revertData } from "./problems.ts";

const soldOut = encodeErrorResult({ abi: campaignErrors, errorName: "Campaign_TierSoldOut", args: [2] });

describe("problemFrom", () => {
  it.each([
    [rpcError(4001), "rejected"],
    [rpcError(4100), "locked"],
    [rpcError(-32002), "request-pending"],
    [rpcError(-32000, "insufficient funds for gas * price + value"), "insufficient-funds"],
    [rpcError(-32000, "execution reverted"), "reverted"],
    [rpcError(-32603, "socket hang up"), "node-trouble"],
    [undefined, "node-trouble"],
  ] as const)("reads %o as %s", (error, key) => {
    expect(problemFrom(error).key).toBe(key);
  });

  it("finds the code that a wallet wrapped", () => {
    expect(errorCode({ code: -32603, data: { originalError: { code: 4902 } } })).toBe(4902);
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
