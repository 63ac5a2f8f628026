"use strict";
(() => {
  const root = document.documentElement;
  const narrow = matchMedia("(max-width: 40rem)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)");
  const plots = [...document.querySelectorAll(".plot")].map((place) => ({
    place, text: place.firstElementChild.textContent, drawn: false,
  }));

  // A drawing names its colours ("@s0"); the style sheet says what they are in this theme.
  const themed = (value, key) => {
    if (typeof value === "string") {
      return /colou?r$/.test(key) && value[0] === "@"
        ? getComputedStyle(root).getPropertyValue("--" + value.slice(1)).trim() : value;
    }
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((v) => themed(v, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v, k)]));
    }
    return value;
  };
  const axis = {
    gridcolor: "@grid", zeroline: false, linecolor: "@line", ticks: "outside", ticklen: 4, tickcolor: "@line",
    automargin: true, nticks: narrow.matches ? 5 : 0, exponentformat: "none", separatethousands: true,
  };
  const base = () => ({
    autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "@ink" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "@faint", activecolor: "@accent" },
    hoverlabel: { bgcolor: "@paper", bordercolor: "@line", font: { color: "@ink" } },
    dragmode: coarse.matches ? false : "zoom",
  });
  const draw = (plot) => {
    const { data, layout } = JSON.parse(plot.text);
    const whole = { ...base(), ...layout };
    for (const key of Object.keys(whole)) {
      if (/^[xy]axis/.test(key)) {
        const more = key[0] === "y" ? { nticks: 6 } : { title: { ...layout[key].title, font: { color: "@faint" } } };
        whole[key] = { ...axis, ...layout[key], ...more };
      }
    }
    for (const note of whole.annotations) note.font = { size: 12, color: "@faint" };
    const config = {
      responsive: true, displaylogo: false, displayModeBar: narrow.matches || coarse.matches ? false : "hover",
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    };
    if (!plot.drawn) plot.place.replaceChildren();
    plot.drawn = true;
    Plotly.react(plot.place, themed(data, ""), themed(whole, ""), config);
  };

  // A legend's button hides and shows its series in every panel.
  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const plot = plots.find((p) => p.place.parentElement === button.closest("figure"));
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      const nth = [...button.parentElement.children].indexOf(button);
      const names = [...new Set(JSON.parse(plot.text).data.map((trace) => trace.name))];
      const chosen = plot.place.data.flatMap((trace, i) => trace.name === names[nth] ? [i] : []);
      if (chosen.length) Plotly.restyle(plot.place, { visible: shown }, chosen);
    });
  }

  const drawAll = (again) => plots.filter((plot) => again ? plot.drawn : !plot.drawn).forEach(draw);
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const plot = plots.find((p) => p.place === entry.target);
      if (entry.isIntersecting && !plot.drawn) draw(plot);
    }
  }, { rootMargin: "1200px" });
  plots.forEach((plot) => seen.observe(plot.place));
  dark.addEventListener("change", () => {
    document.querySelectorAll(".legend button").forEach((button) => button.setAttribute("aria-pressed", "true"));
    drawAll(true);
  });
  addEventListener("beforeprint", () => drawAll(false));
})();
