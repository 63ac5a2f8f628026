"use strict";
(() => {
  const MARGIN_PX = 8;
  const tip = document.body.appendChild(document.createElement("div"));
  tip.id = "tip";
  tip.setAttribute("aria-hidden", "true"); // the term itself refers to its definition
  tip.hidden = true;
  let leaving;
  const hide = () => { tip.hidden = true; };
  const show = (term) => {
    clearTimeout(leaving);
    tip.textContent = document.getElementById(term.getAttribute("aria-describedby")).textContent;
    tip.hidden = false;
    const place = term.getBoundingClientRect();
    const right = document.documentElement.clientWidth - tip.offsetWidth - MARGIN_PX;
    tip.style.left = `${scrollX + Math.max(MARGIN_PX, Math.min(place.left, right))}px`;
    tip.style.top = `${scrollY + place.bottom + 4}px`;
  };
  const termOf = (event) => event.target instanceof Element && event.target.closest("[aria-describedby^='term-']");
  const later = () => { leaving = setTimeout(hide, 150); };
  for (const [begin, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(begin, (event) => {
      const term = termOf(event);
      if (term) show(term); else if (event.target === tip) clearTimeout(leaving);
    });
    document.addEventListener(end, (event) => { if (termOf(event) || event.target === tip) later(); });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
