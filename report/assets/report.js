"use strict";
// The script of the report: legend, tooltips, table of answers. The page is
// complete without it but for the tooltips and that table. Texts of the runs
// reach the document as text nodes only.
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const frame = data.frame;
  const tip = document.getElementById("tip");
  const hidden = new Set();

  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // Legend: a chip shows or hides its arm everywhere.
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const arm = chip.dataset.arm;
      const show = hidden.delete(arm);
      if (!show) hidden.add(arm);
      chip.setAttribute("aria-pressed", String(show));
      for (const part of document.querySelectorAll(".arm")) {
        if (part.dataset.arm === arm) part.classList.toggle("off", !show);
      }
    });
  }
  const press = (id, name, inverse) => {
    const button = document.getElementById(id);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      document.body.classList.toggle(name, inverse ? !on : on);
    });
  };
  press("toggle-band", "no-band", true);
  press("toggle-seeds", "seeds", false);

  // Theme: auto, light, dark; remembered where the browser allows it.
  const themes = ["auto", "light", "dark"];
  const remember = (value) => {
    try {
      if (value) localStorage.setItem("pgsrm-theme", value);
      return localStorage.getItem("pgsrm-theme");
    } catch { return null; }
  };
  const setTheme = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    document.getElementById("theme-name").textContent = name;
  };
  const wanted = new URLSearchParams(location.search).get("theme") || remember();
  let theme = themes.includes(wanted) ? wanted : "auto";
  setTheme(theme);
  document.getElementById("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    setTheme(theme);
    remember(theme);
  });

  // Tooltips.
  const format = (kind, v) => {
    const text = kind === "percent" ? (100 * v).toFixed(1) + "%" : v.toFixed(kind === "score" ? 3 : 2);
    return text.replace("-", "\u2212");
  };
  const nearest = (xs, x) => {
    let best = 0;
    for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
    return best;
  };
  const visible = (chart) => chart.lines.filter((l) => !hidden.has(l.label));

  const show = (svg, chart, x, clientX, clientY) => {
    const lines = visible(chart);
    if (lines.length === 0) return hide(svg);
    // The line with the nearest point says where the cross stands.
    let at = null;
    for (const l of lines) {
      const i = nearest(l.x, x);
      if (at === null || Math.abs(l.x[i] - x) < Math.abs(at.x - x)) at = { x: l.x[i], episode: l.e[i] };
    }
    const cross = svg.querySelector(".cross");
    cross.setAttribute("d", `M${at.x.toFixed(1)} ${frame.top}V${frame.bottom}`);
    cross.setAttribute("visibility", "visible");
    tip.replaceChildren(make("div", "when", at.episode.toLocaleString("en") + " episodes"));
    const rows = lines.map((l) => ({ l, i: nearest(l.x, at.x) })).sort((a, b) => b.l.m[b.i] - a.l.m[a.i]);
    for (const { l, i } of rows) {
      const row = make("div", "row c" + l.slot);
      row.append(make("span", "dot"), make("span", "", l.label), make("b", "", format(chart.format, l.m[i])));
      if (l.n[i] > 1) row.append(make("span", "range", format(chart.format, l.lo[i]) + " to " + format(chart.format, l.hi[i]) + ", " + l.n[i] + " seeds"));
      tip.append(row);
    }
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = clientX + 16 + box.width > innerWidth - 8 ? clientX - 16 - box.width : clientX + 16;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = Math.min(Math.max(8, clientY - box.height / 2), innerHeight - box.height - 8) + "px";
    return at.x;
  };
  const hide = (svg) => {
    tip.hidden = true;
    svg.querySelector(".cross").setAttribute("visibility", "hidden");
  };
  for (const chart of data.charts) {
    for (const l of chart.lines) l.x = l.e.map((e) => frame.left + e / chart.last * (frame.right - frame.left));
    const svg = document.getElementById(chart.id);
    let focus = frame.right;
    const scale = () => svg.getBoundingClientRect();
    svg.addEventListener("pointermove", (e) => {
      const box = scale();
      show(svg, chart, (e.clientX - box.left) / box.width * frame.width, e.clientX, e.clientY);
    });
    svg.addEventListener("pointerleave", () => hide(svg));
    svg.addEventListener("blur", () => hide(svg));
    svg.addEventListener("keydown", (e) => {
      if (e.key === "Escape") return hide(svg);
      if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
      e.preventDefault();
      const xs = [...new Set(visible(chart).flatMap((l) => l.x))].sort((a, b) => a - b);
      if (xs.length === 0) return;
      const i = nearest(xs, focus) + (e.key === "ArrowRight" ? 1 : -1);
      focus = xs[Math.min(xs.length - 1, Math.max(0, i))];
      const box = scale();
      show(svg, chart, focus, box.left + focus / frame.width * box.width, box.top + box.height / 2);
    });
  }

  // Table of answers. A row is [arm, seed, step, episode, prompt, answer, reward, exact, greedy].
  const pageRows = 25;
  for (const table of data.answers) {
    const card = document.querySelector(`.answers[data-group="${table.group}"]`);
    if (!card) continue;
    const form = card.querySelector("form");
    const body = card.querySelector("tbody");
    const prompt = (r) => table.prompts[r[4]];
    // In the order of the columns: what a column sorts by.
    const keys = [(r) => r[2], (r) => r[3], (r) => table.arms[r[0]].label, (r) => r[1], (r) => prompt(r)[3], (r) => prompt(r)[1], (r) => prompt(r)[2], (r) => r[5], (r) => r[6] ?? -Infinity];
    let sort = { column: 5, down: false };
    let page = 0;

    const options = (name, values) => {
      for (const v of values) {
        const o = make("option", "", v[1]);
        o.value = v[0];
        form.elements[name].append(o);
      }
    };
    options("arm", table.arms.map((a, i) => [i, a.label]));
    options("seed", [...new Set(table.rows.map((r) => r[1]))].sort((a, b) => a - b).map((s) => [s, s]));
    options("split", [...new Set(table.prompts.map((p) => p[3]))].filter(Boolean).sort().map((s) => [s, s]));
    form.elements.to.placeholder = Math.max(0, ...table.rows.map((r) => r[2]));
    form.elements.from.placeholder = 0;

    const number = (field) => field.value === "" ? null : Number(field.value);
    const matching = () => {
      const f = form.elements, text = f.text.value.trim().toLowerCase(), from = number(f.from), to = number(f.to);
      return table.rows.filter((r) =>
        (f.arm.value === "" || String(r[0]) === f.arm.value) &&
        (f.seed.value === "" || String(r[1]) === f.seed.value) &&
        (f.split.value === "" || prompt(r)[3] === f.split.value) &&
        (from === null || r[2] >= from) && (to === null || r[2] <= to) &&
        (!f.exact.checked || r[7] === 1) &&
        (text === "" || (prompt(r)[1] + "\n" + r[5]).toLowerCase().includes(text)));
    };
    const compare = (a, b) => {
      const key = keys[sort.column], x = key(a), y = key(b);
      const order = x < y ? -1 : x > y ? 1 : a[2] - b[2] || a[0] - b[0] || a[1] - b[1];
      return sort.down ? -order : order;
    };
    const rowOf = (r) => {
      const [, text, reference, split] = prompt(r);
      const tr = make("tr", r[7] ? "right" : "");
      tr.append(make("td", "num", r[2]), make("td", "num", r[3].toLocaleString("en")));
      const arm = make("td", "armcell c" + table.arms[r[0]].slot);
      arm.append(make("span", "dot"), table.arms[r[0]].label);
      const answer = make("td", "answer");
      answer.append(r[5].trim() === "" ? make("span", "none", "(blank)") : make("span", "said", r[5]));
      if (r[7]) answer.append(make("span", "sr", " (right)"));
      const promptCell = make("td", "text");
      promptCell.append(make("span", "prompt", text));
      tr.append(arm, make("td", "num", r[1]), make("td", "", split), promptCell, make("td", "", reference), answer,
        make("td", "num", r[6] === null ? "dropped" : r[6].toFixed(3).replace("-", "\u2212")));
      return tr;
    };
    const draw = () => {
      const rows = matching().sort(compare);
      const pages = Math.max(1, Math.ceil(rows.length / pageRows));
      page = Math.min(Math.max(0, page), pages - 1);
      body.replaceChildren(...rows.slice(page * pageRows, (page + 1) * pageRows).map(rowOf));
      card.querySelector(".where").textContent = rows.length === 0 ? "no answer fits" : `${page * pageRows + 1}\u2013${Math.min(rows.length, (page + 1) * pageRows)} of ${rows.length}`;
      card.querySelector("[data-page='-1']").disabled = page === 0;
      card.querySelector("[data-page='1']").disabled = page === pages - 1;
      card.querySelectorAll("thead th").forEach((th, i) => {
        if (i === sort.column) th.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
        else th.removeAttribute("aria-sort");
      });
    };
    form.addEventListener("submit", (e) => e.preventDefault());
    form.addEventListener("input", () => { page = 0; draw(); });
    for (const button of card.querySelectorAll("[data-page]")) {
      button.addEventListener("click", () => { page += Number(button.dataset.page); draw(); });
    }
    for (const button of card.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => {
        const column = Number(button.dataset.sort);
        sort = { column, down: column === sort.column && !sort.down };
        page = 0;
        draw();
      });
    }
    draw();
  }
})();
