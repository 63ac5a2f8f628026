"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = document.getElementById("theme");
  const language = document.getElementById("language");
  const changed = () => document.dispatchEvent(new Event("benchbench:changed"));
  for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;

  // The system's preference holds until the reader chooses; nothing is remembered outside the page.
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  const told = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    told();
    changed();
  });
  dark.addEventListener("change", () => { told(); changed(); });
  told();

  // Each text keeps itself in the other language: a switch swaps the two.
  const swap = (element, attribute) => {
    const kept = attribute ? `data-other-${attribute}` : "data-other";
    const other = element.getAttribute(kept);
    element.setAttribute(kept, attribute ? element.getAttribute(attribute) : element.textContent);
    if (attribute) element.setAttribute(attribute, other); else element.textContent = other;
  };
  language.addEventListener("click", () => {
    document.querySelectorAll("[data-other]").forEach((element) => swap(element, ""));
    for (const name of ["aria-label", "placeholder"]) {
      document.querySelectorAll(`[data-other-${name}]`).forEach((element) => swap(element, name));
    }
    [root.lang, root.dataset.otherLang] = [root.dataset.otherLang, root.lang];
    language.lang = root.dataset.otherLang;
    changed();
  });

  // Paper is light: the charts are drawn for it, and drawn again for the screen afterwards.
  let before;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    document.querySelectorAll("details").forEach((one) => { one.dataset.was = one.open ? "open" : ""; one.open = true; });
    dispatchEvent(new Event("benchbench:print"));
  });
  addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before; else delete root.dataset.theme;
    document.querySelectorAll("details").forEach((one) => { one.open = one.dataset.was === "open"; });
    changed();
  });
})();
