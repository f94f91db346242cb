"use strict";
// The script of the report: legend, tooltips, tables behind the charts, browser of answers.
// The page is complete without it but for those. Texts of the runs reach the document as
// text nodes only.
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

  // Stacked tables are no tables for a screen reader unless their parts say so.
  const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  const setRoles = (part) => {
    for (const node of [part, ...part.querySelectorAll("table, thead, tbody, tr, td, th")]) {
      const role = node.tagName === "TH" ? (node.scope === "row" ? "rowheader" : "columnheader") : roles[node.tagName];
      if (role) node.setAttribute("role", role);
    }
  };
  document.querySelectorAll("table").forEach(setRoles);

  // Paper shows what is folded away on the screen, in light colors.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.printed:not([open])")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of opened) part.open = false; });

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
      if (l.lo && (l.n[i] ?? l.n[0]) > 1) row.append(make("span", "range", format(chart.format, l.lo[i]) + " to " + format(chart.format, l.hi[i]) + ", " + (l.n[i] ?? l.n[0]) + " seeds"));
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
    chart.lines.forEach((l, i) => { l.e ??= chart.lines[i - 1].e; });
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

  // The table behind a chart is made when it is first opened: at most a dozen places.
  for (const part of document.querySelectorAll(".behind[data-chart]")) {
    part.addEventListener("toggle", () => {
      if (part.querySelector("table")) return;
      const chart = data.charts.find((c) => c.id === part.dataset.chart);
      const table = make("table", "keys counts"), head = make("tr"), body = make("tbody");
      const heading = (text, scope) => { const th = make("th", "", text); th.scope = scope; return th; };
      head.append(heading("episodes", "col"), ...chart.lines.map((l) => heading(l.label, "col")));
      const places = [...new Set(chart.lines.flatMap((l) => l.e))].sort((a, b) => a - b);
      const every = Math.max(1, Math.ceil((places.length - 1) / 12));
      places.forEach((episode, i) => {
        if (i % every !== 0 && i !== places.length - 1) return;
        const row = make("tr");
        row.append(heading(episode.toLocaleString("en"), "row"));
        for (const l of chart.lines) {
          const at = l.e.indexOf(episode), td = make("td", "", at < 0 ? "\u2013" : format(chart.format, l.m[at]));
          td.dataset.label = l.label;
          row.append(td);
        }
        body.append(row);
      });
      const thead = make("thead"), scroll = make("div", "scroll");
      thead.append(head);
      table.append(thead, body);
      scroll.append(table);
      setRoles(table);
      part.append(scroll);
    });
  }

  // Browser of answers.
  const card = document.querySelector(".answers");
  if (!card) return;
  const { tasks, arms, prompts, texts, runs } = data.answers;
  const pageRows = 25;
  const grades = ["wrong", "near", "right"], signs = ["\u2717 ", "\u2248 ", "\u2713 "];
  const form = card.querySelector("form"), body = card.querySelector("tbody"), heads = [...card.querySelectorAll("thead th")];
  const rows = runs.flatMap((run) => run.rows.map(([step, episode, prompt, text, reward, grade]) => ({ run, step, episode, prompt: prompts[prompt], text: texts[text], reward, grade })));
  const lower = (text) => text.toLowerCase();
  for (const r of rows) r.key = r.run.task + "\n" + r.run.arm + "\n" + r.run.seed + "\n" + r.prompt[1] + "\n" + r.prompt[3];
  // The first and the last answer of each run to each prompt, the last one with the first.
  const ends = new Map();
  for (const r of rows) {
    const e = ends.get(r.key);
    if (!e) ends.set(r.key, { first: r, last: r });
    else { if (r.step < e.first.step) e.first = r; if (r.step >= e.last.step) e.last = r; }
  }
  const pairs = [...ends.values()].filter((e) => e.first !== e.last).map((e) => ({ ...e.last, start: e.first }));
  // In the order of the columns: what a column sorts by.
  const keys = [(r) => r.step, (r) => r.episode, (r) => tasks[r.run.task], (r) => arms[r.run.arm].label, (r) => Number(r.run.seed), (r) => r.prompt[3], (r) => r.prompt[1], (r) => r.prompt[2], (r) => r.text, (r) => r.grade, (r) => r.reward ?? -Infinity];
  let sort = { column: 6, down: false };
  let page = 0;

  const options = (name, values) => {
    if (!form.elements[name]) return;
    for (const v of values) {
      const o = make("option", "", v[1]);
      o.value = v[0];
      form.elements[name].append(o);
    }
  };
  options("task", tasks.map((t, i) => [i, t]));
  options("arm", arms.map((a, i) => [i, a.label]));
  options("seed", [...new Set(runs.map((r) => r.seed))].sort((a, b) => a - b).map((s) => [s, s]));
  options("split", [...new Set(prompts.map((p) => p[3]))].filter(Boolean).sort().map((s) => [s, s]));
  form.elements.to.placeholder = rows.reduce((most, r) => Math.max(most, r.step), 0);
  form.elements.from.placeholder = 0;

  const number = (field) => field.value === "" ? null : Number(field.value);
  const matching = () => {
    const f = form.elements, text = lower(f.text.value.trim()), from = number(f.from), to = number(f.to), task = f.task ? f.task.value : "";
    return (f.view.value === "ends" ? pairs : rows).filter((r) =>
      (task === "" || String(r.run.task) === task) &&
      (f.arm.value === "" || String(r.run.arm) === f.arm.value) &&
      (f.seed.value === "" || r.run.seed === f.seed.value) &&
      (f.split.value === "" || r.prompt[3] === f.split.value) &&
      (f.grade.value === "" || String(r.grade) === f.grade.value) &&
      (from === null || r.step >= from) && (to === null || r.step <= to) &&
      (text === "" || lower(r.prompt[1] + "\n" + r.text).includes(text)));
  };
  const compare = (a, b) => {
    const key = keys[sort.column], x = key(a), y = key(b);
    const order = x < y ? -1 : x > y ? 1 : a.step - b.step || a.run.arm - b.run.arm || a.run.seed - b.run.seed;
    return sort.down ? -order : order;
  };
  // Words of two texts, those of one alone marked: their longest common subsequence.
  const words = (text) => text.slice(0, 1200).split(/(\s+)/).filter((w) => w.trim() !== "").slice(0, 200);
  const diff = (from, to) => {
    const a = words(from), b = words(to), out = make("span", "said");
    const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
    let i = 0, j = 0;
    const put = (tag, word) => { if (out.hasChildNodes()) out.append(" "); out.append(tag ? make(tag, "", word) : word); };
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { put("", a[i]); i++; j++; }
      else if (i < a.length && (j === b.length || common[i + 1][j] >= common[i][j + 1])) put("del", a[i++]);
      else put("ins", b[j++]);
    }
    if (!out.hasChildNodes()) return make("span", "none", "(blank)");
    return out;
  };
  const mark = (grade) => make("span", "mark " + grades[grade], signs[grade] + grades[grade]);
  const cell = (tr, k, className, ...content) => {
    const td = make("td", ("k" + k + " " + className).trim());
    td.dataset.label = columns[k];
    td.append(...content);
    tr.append(td);
  };
  const columns = heads.map((th) => th.textContent);
  const rowOf = (r) => {
    const tr = make("tr", grades[r.grade]), start = r.start;
    const [, text, reference, split] = r.prompt;
    const arm = make("span", "c" + arms[r.run.arm].slot);
    arm.append(make("span", "dot"), arms[r.run.arm].label);
    cell(tr, 0, "num", start ? start.step + " \u2192 " + r.step : r.step);
    cell(tr, 1, "num", start ? start.episode.toLocaleString("en") + " \u2192 " + r.episode.toLocaleString("en") : r.episode.toLocaleString("en"));
    cell(tr, 2, "", tasks[r.run.task]);
    cell(tr, 3, "", arm);
    cell(tr, 4, "num", r.run.seed);
    cell(tr, 5, "", split);
    cell(tr, 6, "", make("span", "prompt", text));
    cell(tr, 7, "", make("span", "prompt", reference));
    cell(tr, 8, "", start ? diff(start.text, r.text) : r.text.trim() === "" ? make("span", "none", "(blank)") : make("span", "said", r.text));
    const grade = make("span");
    if (start) grade.append(mark(start.grade), " \u2192 ");
    grade.append(mark(r.grade));
    cell(tr, 9, "", grade);
    const reward = (x) => x.reward === null ? "dropped" : x.reward.toFixed(3).replace("-", "\u2212");
    cell(tr, 10, "num", start ? reward(start) + " \u2192 " + reward(r) : reward(r));
    setRoles(tr);
    return tr;
  };
  const draw = () => {
    const found = matching().sort(compare);
    const pages = Math.max(1, Math.ceil(found.length / pageRows));
    page = Math.min(Math.max(0, page), pages - 1);
    body.replaceChildren(...found.slice(page * pageRows, (page + 1) * pageRows).map(rowOf));
    card.querySelector(".where").textContent = found.length === 0 ? "no answer fits" : `${page * pageRows + 1}\u2013${Math.min(found.length, (page + 1) * pageRows)} of ${found.length}`;
    card.querySelector("[data-page='-1']").disabled = page === 0;
    card.querySelector("[data-page='1']").disabled = page === pages - 1;
    heads.forEach((th, i) => {
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
})();
