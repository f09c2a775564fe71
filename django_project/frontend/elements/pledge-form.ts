import { readAmount } from "../amounts.ts";

/** A preset or a reward's price writes itself into the amount, a price unless more was typed. */
export function fillInAmounts(root: ParentNode = document): void {
  const form = root.querySelector<HTMLFormElement>("form[data-pledge-form]");
  const amount = form?.querySelector<HTMLInputElement>("input[name=amount]");
  if (!form || !amount) return;
  const [decimals, symbol] = [Number(form.dataset.decimals), form.dataset.symbol ?? ""];
  let filledIn = "";
  form.addEventListener("click", (event) => {
    const preset = (event.target as HTMLElement).closest<HTMLElement>("[data-preset]")?.dataset.preset;
    if (preset === undefined) return;
    // Without a script the link loads the page with the amount; with one, nothing that was chosen is lost.
    event.preventDefault();
    amount.value = preset;
    amount.focus();
  });
  form.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.name !== "tier") return;
    const price = event.target.dataset.price ?? "";
    const isOurs = amount.value === "" || amount.value === filledIn;
    if (isOurs || isLess(amount.value, price, decimals, symbol)) {
      amount.value = price;
      filledIn = price;
    }
  });
}

/** What cannot be read is left for the server to ask about. */
function isLess(typed: string, price: string, decimals: number, symbol: string): boolean {
  const [given, needed] = [readAmount(typed, decimals, symbol), readAmount(price, decimals)];
  return "units" in given && "units" in needed && given.units < needed.units;
}
