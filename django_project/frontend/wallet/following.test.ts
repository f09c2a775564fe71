import { numberToHex } from "viem/utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BACKER, HASH, type Reply, rpcError, ScriptedProvider } from "../testing.ts";
import {
  BLOCKS_UNTIL_DROPPED,
  BLOCKS_UNTIL_REPLACED,
  follow,
  LOOKS_UNTIL_MISSED,
  POLL_MILLISECONDS,
  Trail,
} from "./following.ts";
import { Problem } from "./problems.ts";

/** A node on a chain whose blocks come when the test says so. */
class Node extends ScriptedProvider {
  block = 100;

  constructor(replies: Record<string, Reply> = {}) {
    super({
      eth_blockNumber: () => numberToHex(this.block),
      eth_getTransactionCount: numberToHex(7),
      eth_getTransactionReceipt: null,
      eth_getTransactionByHash: { nonce: numberToHex(7) },
      ...replies,
    });
  }
}

const trailOn = (node: Node): Trail => new Trail(node, HASH, BACKER);

describe("a trail", () => {
  it.each([
    ["mined", { eth_getTransactionReceipt: { status: "0x1" } }],
    ["reverted", { eth_getTransactionReceipt: { status: "0x0" } }],
    ["waiting", {}],
    ["waiting", { eth_getTransactionByHash: null }],
    ["waiting", { eth_getTransactionReceipt: rpcError(-32603) }],
    ["waiting", { eth_blockNumber: rpcError(4900) }],
  ] as [string, Record<string, Reply>][])("is %s", async (fate, replies) => {
    expect(await trailOn(new Node(replies)).look()).toBe(fate);
  });

  it("is not lost by looking often: blocks have to pass", async () => {
    const node = new Node({ eth_getTransactionByHash: null });
    const trail = trailOn(node);
    for (let looks = 0; looks < 100; looks += 1) expect(await trail.look()).toBe("waiting");
    node.block += BLOCKS_UNTIL_DROPPED - 1;
    expect(await trail.look()).toBe("waiting");
    node.block += 1;
    expect(await trail.look()).toBe("gone");
  });

  it("begins to count anew when the node knows it again", async () => {
    const node = new Node({ eth_getTransactionByHash: null });
    const trail = trailOn(node);
    await trail.look();
    node.block += BLOCKS_UNTIL_DROPPED - 1;
    node.replies.eth_getTransactionByHash = { nonce: numberToHex(7) };
    expect(await trail.look()).toBe("waiting");
    node.replies.eth_getTransactionByHash = null;
    expect(await trail.look()).toBe("waiting");
    node.block += BLOCKS_UNTIL_DROPPED - 1;
    expect(await trail.look()).toBe("waiting");
  });

  it("follows the sender's nonce: another transaction that used it took its place", async () => {
    const node = new Node();
    const trail = trailOn(node);
    await trail.look();
    node.replies.eth_getTransactionByHash = null;
    node.replies.eth_getTransactionCount = numberToHex(8);
    expect(await trail.look()).toBe("waiting");
    node.block += BLOCKS_UNTIL_REPLACED - 1;
    expect(await trail.look()).toBe("waiting");
    node.block += 1;
    expect(await trail.look()).toBe("gone");
  });

  it("does not take an earlier transaction's nonce for its own", async () => {
    const node = new Node({ eth_getTransactionCount: numberToHex(7) });
    const trail = trailOn(node);
    await trail.look();
    node.block += 10 * BLOCKS_UNTIL_DROPPED;
    expect(await trail.look()).toBe("waiting");
  });

  it("takes a receipt that comes after its nonce was seen used", async () => {
    const node = new Node();
    const trail = trailOn(node);
    await trail.look();
    node.replies.eth_getTransactionCount = numberToHex(8);
    await trail.look();
    node.replies.eth_getTransactionReceipt = { status: "0x1" };
    node.block += BLOCKS_UNTIL_REPLACED;
    expect(await trail.look()).toBe("mined");
  });
});

describe("follow", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const sent = { hash: HASH, sender: BACKER };
  const missed = new Problem("reverted", {}, "ERC20InsufficientAllowance");

  function following(node: Node, isReached: () => boolean, more: { hash?: undefined } = {}) {
    const goal = { isReached: async () => isReached(), missed };
    const result = { fate: "waiting" };
    follow(node, { ...sent, ...more }, goal).then(
      () => (result.fate = "reached"),
      (problem: Problem) => (result.fate = problem.key),
    );
    return result;
  }
  const pass = (milliseconds = POLL_MILLISECONDS) => vi.advanceTimersByTimeAsync(milliseconds);

  it("ends when the goal is reached, by whatever transaction", async () => {
    let isReached = false;
    const node = new Node({ eth_getTransactionByHash: null, eth_getTransactionCount: numberToHex(8) });
    const result = following(node, () => isReached);
    await pass();
    expect(result.fate).toBe("waiting");
    isReached = true;
    node.block += BLOCKS_UNTIL_DROPPED;
    await pass();
    expect(result.fate).toBe("reached");
  });

  it.each([
    ["mined-reverted", { eth_getTransactionReceipt: { status: "0x0" } }, 0],
    ["replaced-or-dropped", { eth_getTransactionByHash: null }, BLOCKS_UNTIL_DROPPED],
    ["reverted", { eth_getTransactionReceipt: { status: "0x1" } }, BLOCKS_UNTIL_REPLACED],
  ] as [string, Record<string, Reply>, number][])("ends at %s", async (key, replies, blocks) => {
    const node = new Node(replies);
    const result = following(node, () => false);
    await pass(0);
    if (blocks > 0) expect(result.fate).toBe("waiting");
    node.block += blocks;
    await pass();
    expect(result.fate).toBe(key);
  });

  it("ends on a chain without blocks when what was mined changed nothing", async () => {
    const node = new Node({ eth_getTransactionReceipt: { status: "0x1" } });
    const result = following(node, () => false);
    await pass((LOOKS_UNTIL_MISSED - 2) * POLL_MILLISECONDS);
    expect(result.fate).toBe("waiting");
    await pass(POLL_MILLISECONDS);
    expect(result.fate).toBe("reverted");
  });

  it("goes on through trouble with the node", async () => {
    let isDown = true;
    const node = new Node({ eth_getTransactionReceipt: () => (isDown ? rpcError(4900) : { status: "0x0" }) });
    const result = following(node, () => {
      if (isDown) throw new Error("no node");
      return false;
    });
    await pass(60_000);
    expect(result.fate).toBe("waiting");
    isDown = false;
    await pass();
    expect(result.fate).toBe("mined-reverted");
  });

  it("waits for the goal alone where the hash is a contract wallet's own", async () => {
    let isReached = false;
    const node = new Node({ eth_getTransactionByHash: null });
    const result = following(node, () => isReached, { hash: undefined });
    node.block += 1000;
    await pass(60_000);
    expect(result.fate).toBe("waiting");
    expect(node.asked).toEqual([]);
    isReached = true;
    await pass();
    expect(result.fate).toBe("reached");
  });
});
