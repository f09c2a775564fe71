// Light and dark without a reload. Without this script the same form posts and the page comes back switched.

export function enhanceThemeForms(root: ParentNode = document): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-theme-form]")) {
    form.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (!(button instanceof HTMLButtonElement)) return;
      event.preventDefault();
      document.documentElement.dataset.theme = button.value;
      const body = new FormData(form, button);
      void fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" });
    });
  }
}
