import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { announce, BACKER, CAMPAIGN, CHAIN, rpcError, ScriptedProvider } from "../testing.ts";
import {
  currentChainId,
  ensureChain,
  pickWallet,
  requestAccount,
  requestOtherAccount,
  requestThisAccount,
} from "./connection.ts";
import { LATE_MILLISECONDS, type WalletSearch } from "./discovery.ts";
import type { Wallet } from "./types.ts";

const stops: (() => void)[] = [];
function install(rdns: string): ScriptedProvider {
  const provider = new ScriptedProvider({});
  stops.push(announce(provider, rdns));
  return provider;
}

beforeEach(() => localStorage.clear());
afterEach(() => {
  vi.useRealTimers();
  for (const stop of stops.splice(0)) stop();
  delete window.ethereum;
});

describe("pickWallet", () => {
  const nobody = vi.fn();

  it("says so when there is no wallet", async () => {
    vi.useFakeTimers();
    const picked = pickWallet(nobody).catch((problem) => problem);
    await vi.advanceTimersByTimeAsync(2 * LATE_MILLISECONDS);
    expect(await picked).toMatchObject({ key: "no-wallet" });
  });

  it("takes the only one without asking", async () => {
    const provider = install("org.example.one");
    expect((await pickWallet(nobody)).provider).toBe(provider);
    expect(nobody).not.toHaveBeenCalled();
  });

  it("asks between two, and remembers the answer", async () => {
    install("org.example.one");
    const second = install("org.example.two");
    const choose = vi.fn(async ({ wallets }: WalletSearch) => wallets[1] as Wallet);
    expect((await pickWallet(choose)).provider).toBe(second);
    expect((await pickWallet(choose)).provider).toBe(second);
    expect(choose).toHaveBeenCalledTimes(1);
  });

  it("asks again when another one is wanted, even of one alone", async () => {
    const only = install("org.example.one");
    const choose = vi.fn(async ({ wallets }: WalletSearch) => wallets[0] as Wallet);
    await pickWallet(nobody);
    expect((await pickWallet(choose, true)).provider).toBe(only);
    expect(choose).toHaveBeenCalledTimes(1);
  });

  it("lists a wallet once, and nothing that is no wallet", async () => {
    install("org.example.one");
    install("org.example.two");
    const shout = () =>
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: { info: {} } }));
    window.addEventListener("eip6963:requestProvider", shout);
    stops.push(() => window.removeEventListener("eip6963:requestProvider", shout));
    const found: string[] = [];
    await pickWallet(async ({ wallets }) => {
      found.push(...wallets.map(({ info }) => info.rdns));
      return wallets[0] as Wallet;
    });
    expect(found).toEqual(["org.example.one", "org.example.two"]);
  });

  /** A wallet that announces itself only so late. */
  function installLate(rdns: string, milliseconds: number): ScriptedProvider {
    const provider = new ScriptedProvider({});
    setTimeout(() => {
      stops.push(announce(provider, rdns));
      window.dispatchEvent(new Event("eip6963:requestProvider"));
    }, milliseconds);
    return provider;
  }

  it("waits for the first one that comes", async () => {
    vi.useFakeTimers();
    const late = installLate("org.example.late", 700);
    const picked = pickWallet(nobody);
    await vi.advanceTimersByTimeAsync(700);
    expect((await picked).provider).toBe(late);
  });

  it("waits for the one used last, and not for ever", async () => {
    vi.useFakeTimers();
    localStorage.setItem("chainfund.wallet", "org.example.late");
    const early = install("org.example.early");
    const late = installLate("org.example.late", 700);
    const picked = pickWallet(nobody);
    await vi.advanceTimersByTimeAsync(700);
    expect((await picked).provider).toBe(late);
    localStorage.setItem("chainfund.wallet", "org.example.gone");
    for (const stop of stops.splice(1)) stop();
    const other = pickWallet(nobody);
    await vi.advanceTimersByTimeAsync(2 * LATE_MILLISECONDS);
    expect((await other).provider).toBe(early);
  });

  it("shows in the choice who comes while it is open", async () => {
    install("org.example.one");
    install("org.example.two");
    const shown: number[] = [];
    await pickWallet(
      (search) =>
        new Promise((resolve) => {
          search.onMore(() => {
            shown.push(search.wallets.length);
            resolve(search.wallets[2] as Wallet);
          });
          installLate("org.example.three", 1);
        }),
    );
    expect(shown).toEqual([3]);
    expect(localStorage.getItem("chainfund.wallet")).toBe("org.example.three");
  });

  it("finds a wallet that only owns window.ethereum, by the name it goes by", async () => {
    const provider = Object.assign(new ScriptedProvider({}), { isMetaMask: true, isTrust: true });
    window.ethereum = provider;
    const picked = await pickWallet(nobody);
    expect(picked.provider).toBe(provider);
    expect(picked.info.name).toBe("Trust Wallet");
  });

  it("finds one that is put there late", async () => {
    vi.useFakeTimers();
    const provider = new ScriptedProvider({});
    setTimeout(() => {
      window.ethereum = provider;
      window.dispatchEvent(new Event("ethereum#initialized"));
    }, 900);
    const picked = pickWallet(nobody);
    await vi.advanceTimersByTimeAsync(900);
    expect((await picked).provider).toBe(provider);
  });

  it("offers older ones beside those that announce themselves, each once", async () => {
    const one = install("org.example.one");
    install("MetaMask");
    const old = Object.assign(new ScriptedProvider({}), { isCoinbaseWallet: true });
    const double = Object.assign(new ScriptedProvider({}), { isMetaMask: true });
    window.ethereum = Object.assign(new ScriptedProvider({}), { providers: [one, old, double] });
    const names: string[] = [];
    await pickWallet(async ({ wallets }) => {
      names.push(...wallets.map(({ info }) => info.name));
      return wallets[0] as Wallet;
    });
    expect(names).toEqual(["org.example.one", "MetaMask", "Coinbase Wallet"]);
  });
});

describe("requestAccount", () => {
  it.each([
    [[], "locked"],
    [rpcError(4001), "rejected"],
    [rpcError(-32002), "request-pending"],
  ])("reads %o as %s", async (reply, key) => {
    const provider = new ScriptedProvider({ eth_requestAccounts: reply });
    await expect(requestAccount(provider)).rejects.toMatchObject({ key });
  });

  it("writes the address with its checksum", async () => {
    const provider = new ScriptedProvider({ eth_requestAccounts: [BACKER.toLowerCase()] });
    expect(await requestAccount(provider)).toBe(BACKER);
  });

  it("asks nobody when the wallet shows the account already", async () => {
    const provider = new ScriptedProvider({ eth_accounts: [CAMPAIGN, BACKER.toLowerCase()] });
    expect(await requestThisAccount(provider, BACKER)).toBe(BACKER);
    expect(provider.asked).toEqual(["eth_accounts"]);
  });

  it.each([rpcError(4200), rpcError(4100), null])("asks when it does not show it: %o", async (reply) => {
    const provider = new ScriptedProvider({ eth_accounts: reply, eth_requestAccounts: [BACKER] });
    expect(await requestThisAccount(provider, BACKER)).toBe(BACKER);
  });

  it("has the person choose another account where the wallet can", async () => {
    const provider = new ScriptedProvider({ eth_requestAccounts: [BACKER] });
    expect(await requestOtherAccount(provider)).toBe(BACKER);
    expect(provider.asked).toEqual(["wallet_requestPermissions", "eth_requestAccounts"]);
    provider.replies.wallet_requestPermissions = rpcError(4200);
    expect(await requestOtherAccount(provider)).toBe(BACKER);
    provider.replies.wallet_requestPermissions = rpcError(4001);
    await expect(requestOtherAccount(provider)).rejects.toMatchObject({ key: "rejected" });
  });

  it("refuses an account that did not sign in", async () => {
    const provider = new ScriptedProvider({ eth_accounts: [], eth_requestAccounts: [CAMPAIGN] });
    await expect(requestThisAccount(provider, BACKER)).rejects.toMatchObject({
      key: "wrong-account",
      values: { account: CAMPAIGN, expected: BACKER },
    });
  });
});

describe("ensureChain", () => {
  /** A wallet on another chain that moves when it is told to, if it knows the chain. */
  function wallet(knows: boolean): ScriptedProvider {
    let isThere = false;
    let isKnown = knows;
    return new ScriptedProvider({
      eth_chainId: () => (isThere ? "0x7a69" : "0x1"),
      wallet_switchEthereumChain: () => {
        if (!isKnown) return rpcError(4902);
        isThere = true;
        return null;
      },
      wallet_addEthereumChain: () => {
        isKnown = true;
        return null;
      },
    });
  }

  it.each(["0x7a69", "0x7A69", "0X7A69", "0x07a69", 31337, 31337n, "31337", " 0x7a69 ", "eip155:31337"])(
    "asks nothing on the right chain, spelt %s",
    async (id) => {
      const provider = new ScriptedProvider({ eth_chainId: id });
      await ensureChain(provider, CHAIN);
      expect(provider.asked).toEqual(["eth_chainId"]);
    },
  );

  it.each([null, undefined, "", "0x", "local", 1.5, {}, "0x7a69 or so"])(
    "takes %o for no chain at all",
    async (id) => {
      expect(await currentChainId(new ScriptedProvider({ eth_chainId: id }))).toBeUndefined();
    },
  );

  it.each([
    rpcError(4200, "Unsupported method"),
    rpcError(-32601, "the method wallet_switchEthereumChain does not exist"),
    rpcError(-32603, "not supported"),
    new TypeError("request is not a function"),
    rpcError(-32603, "Internal error"),
  ])("names the network to a person whose wallet can't switch: %o", async (reply) => {
    const provider = new ScriptedProvider({ eth_chainId: "0x1", wallet_switchEthereumChain: reply });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({
      key: "switch-network",
      values: { network: "Local chain", id: "31337" },
    });
  });

  it.each([
    [rpcError(-32002), "request-pending"],
    [rpcError(4100), "locked"],
    [rpcError(-32603, "", { originalError: { code: 4001 } }), "rejected"],
  ])("tells what the person can do about %o", async (reply, key) => {
    const provider = new ScriptedProvider({ eth_chainId: "0x1", wallet_switchEthereumChain: reply });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({ key });
  });

  it.each([
    rpcError(-32603, "", { originalError: { code: 4902 } }),
    rpcError(-32603, 'Unrecognized chain ID "0x7a69". Try adding the chain first.'),
  ])("adds a chain when the wallet says in its own way that it does not know it: %o", async (reply) => {
    const provider = new ScriptedProvider({ eth_chainId: "0x1" });
    provider.replies.wallet_switchEthereumChain = reply;
    provider.replies.wallet_addEthereumChain = () => {
      provider.replies.eth_chainId = "0x7a69";
      return null;
    };
    await ensureChain(provider, CHAIN);
  });

  it("has the person add the network when the wallet can't", async () => {
    const provider = new ScriptedProvider({
      eth_chainId: "0x1",
      wallet_switchEthereumChain: rpcError(4902),
      wallet_addEthereumChain: rpcError(-32601),
    });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({ key: "add-network-by-hand" });
  });

  it("waits for a wallet that moves a moment after it said so", async () => {
    const provider = new ScriptedProvider({
      eth_chainId: "0x1",
      wallet_switchEthereumChain: () => {
        setTimeout(() => {
          provider.replies.eth_chainId = "0x7a69";
        }, 300);
        return null;
      },
    });
    await ensureChain(provider, CHAIN);
  });

  it("adds a chain that the wallet does not know", async () => {
    const provider = wallet(false);
    await ensureChain(provider, CHAIN);
    expect(provider.asked).toContain("wallet_addEthereumChain");
  });

  it("asks for help when no node may be named", async () => {
    await expect(ensureChain(wallet(false), { ...CHAIN, rpc_urls: [] })).rejects.toMatchObject({
      key: "add-network-by-hand",
    });
  });

  it("reports a refusal to switch", async () => {
    const provider = new ScriptedProvider({
      eth_chainId: "0x1",
      wallet_switchEthereumChain: rpcError(4001),
    });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({ key: "rejected" });
  });

  it("notices a wallet that says yes and stays", async () => {
    const provider = new ScriptedProvider({ eth_chainId: "0x1" });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({ key: "switch-network" });
  });
});
