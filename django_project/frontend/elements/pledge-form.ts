// Choosing a reward writes its price into the amount, unless more was typed. The server fills it in as well.

export function followRewardPrices(root: ParentNode = document): void {
  const form = root.querySelector<HTMLFormElement>("form[data-pledge-form]");
  const amount = form?.querySelector<HTMLInputElement>("input[name=amount]");
  if (!form || !amount) return;
  let filledIn = "";
  form.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.name !== "tier") return;
    const price = event.target.dataset.price ?? "";
    const isOurs = amount.value === "" || amount.value === filledIn;
    if (isOurs || Number(amount.value) < Number(price)) {
      amount.value = price;
      filledIn = price;
    }
  });
}
