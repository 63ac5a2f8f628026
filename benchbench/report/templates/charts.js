"use strict";
(() => {
  const root = document.documentElement;
  const narrow = matchMedia("(max-width: 40rem)");
  const coarse = matchMedia("(pointer: coarse)");
  const PRINT_PX = 680;
  const plots = [...document.querySelectorAll(".plot")].map((place) => ({
    place, given: JSON.parse(place.firstElementChild.textContent), drawn: false, hidden: new Set(),
  }));
  if (!plots.length) return;
  const plotOf = (element) => plots.find((plot) => plot.place.closest("figure") === element.closest("figure"));

  // A drawing names its colours ("@s0") and holds its texts in every language; the page says which ones are meant now.
  const probe = document.body.appendChild(document.createElement("i"));
  probe.hidden = true;
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const resolved = (value, key) => {
    if (typeof value === "string") return /colou?r$/.test(key) && value[0] === "@" ? colour(value.slice(1)) : value;
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map((v) => resolved(v, key));
    if (!value || typeof value !== "object") return value;
    if ("en" in value && "zh" in value) return value[root.lang];
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolved(v, k)]));
  };
  const axis = () => ({
    gridcolor: "@grid", zeroline: false, linecolor: "@line", ticks: "outside", ticklen: 4, tickcolor: "@line",
    automargin: true, nticks: narrow.matches ? 5 : 0, exponentformat: "none", separatethousands: true,
  });
  const base = () => ({
    autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "@ink" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "@faint", activecolor: "@accent" },
    hoverlabel: { bgcolor: "@paper", bordercolor: "@line", font: { color: "@ink" } },
    dragmode: coarse.matches ? false : "zoom",
  });
  const config = () => ({
    responsive: true, displaylogo: false, displayModeBar: narrow.matches || coarse.matches ? false : "hover",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  });
  const laidOut = (layout, width) => {
    const whole = { ...base(), ...layout, ...(width ? { width, autosize: false } : {}) };
    for (const key of Object.keys(whole)) {
      if (!/^[xy]axis/.test(key)) continue;
      const more = key[0] === "y" ? { nticks: 6 } : { title: { ...layout[key].title, font: { color: "@faint" } } };
      const log = layout[key].type === "log" && !layout[key].tickvals ? { dtick: "D2", tickformat: ",.3~r" } : {};
      whole[key] = { ...axis(), ...layout[key], ...more, ...log };
    }
    for (const note of whole.annotations) note.font = { size: 12, color: "@faint" };
    return whole;
  };
  const nameOf = (trace) => JSON.stringify(trace.name);
  const draw = (plot, width) => {
    const { data, layout } = JSON.parse(JSON.stringify(plot.given));
    if (!plot.drawn) {
      plot.place.replaceChildren();
      plot.place.style.height = `${plot.place.dataset.heightPx}px`;
    }
    plot.drawn = true;
    for (const trace of data) trace.visible = !plot.hidden.has(nameOf(trace));
    Plotly.react(plot.place, resolved(data, ""), resolved(laidOut(layout, width), ""), config());
  };
  const redraw = () => plots.filter((plot) => plot.drawn).forEach((plot) => draw(plot));

  // A legend's button hides and shows its series in every panel.
  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const plot = plotOf(button);
      const name = [...new Set(plot.given.data.map(nameOf))][[...button.parentElement.children].indexOf(button)];
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      if (shown) plot.hidden.delete(name); else plot.hidden.add(name);
      const chosen = plot.given.data.flatMap((trace, i) => nameOf(trace) === name ? [i] : []);
      if (!plot.drawn) draw(plot);
      Plotly.restyle(plot.place, { visible: shown }, chosen);
    });
  }

  // The keys of a chart that has the focus: + and - zoom the x axis, the arrows move it, 0 shows all of it again.
  const whole = (plot) => Plotly.relayout(plot.place, Object.fromEntries(
    Object.entries(resolved(laidOut(plot.given.layout), "")).filter(([key]) => /^[xy]axis/.test(key))
      .map(([key, one]) => one.range ? [`${key}.range`, [...one.range]] : [`${key}.autorange`, true])));
  const moved = (plot, step, scale) => {
    const [low, high] = plot.place._fullLayout.xaxis.range.map(Number);
    const middle = (low + high) / 2 + step * (high - low);
    const half = scale * (high - low) / 2;
    Plotly.relayout(plot.place, { "xaxis.range": [middle - half, middle + half] });
  };
  const keys = {
    "+": [0, 0.5], "=": [0, 0.5], "-": [0, 2], ArrowLeft: [-0.2, 1], ArrowRight: [0.2, 1],
  };
  for (const plot of plots) {
    plot.place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys || event.key === "0")) return;
      event.preventDefault();
      if (!plot.drawn) draw(plot);
      if (event.key === "0") whole(plot); else moved(plot, ...keys[event.key]);
    });
  }

  // A chart's points as comma-separated values. A text that a spreadsheet would run is quoted with an apostrophe.
  const plain = (text) => String(text).replace(/<br>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
  const field = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = plain(value);
    return `"${(/^[=+\-@\t\r]/.test(text) ? "'" + text : text).replace(/"/g, '""')}"`;
  };
  const rows = (plot) => {
    const { data, layout } = resolved(plot.given, "");
    if (layout.meta.rows) return layout.meta.rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
    const found = [["panel", "series", layout.meta.x, "value", "low", "high", "label"]];
    for (const trace of data) {
      const panel = layout.meta.panels[Number(trace.yaxis.slice(1) || 1) - 1];
      const error = trace.error_y || { array: [], arrayminus: [] };
      trace.x.forEach((x, i) => {
        const y = trace.y[i];
        const ends = [[error.arrayminus, -1], [error.array, 1]].map(([size, sign]) =>
          typeof size[i] === "number" && y !== null ? y + sign * size[i] : null);
        found.push([panel, trace.name, x, y, ...ends, trace.text ? trace.text[i] : null]);
      });
    }
    return found.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  };
  for (const button of document.querySelectorAll("button[data-csv]")) {
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff", rows(plotOf(button))], { type: "text/csv" }));
      link.download = button.dataset.csv;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }
  for (const button of document.querySelectorAll("button[data-whole]")) {
    button.addEventListener("click", () => whole(plotOf(button)));
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const plot = plots.find((p) => p.place === entry.target);
      if (entry.isIntersecting && !plot.drawn) draw(plot);
    }
  }, { rootMargin: "1200px" });
  plots.forEach((plot) => seen.observe(plot.place));
  document.addEventListener("benchbench:changed", redraw);
  addEventListener("benchbench:print", () => plots.forEach((plot) => draw(plot, PRINT_PX)));
})();
