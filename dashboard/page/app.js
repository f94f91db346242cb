"use strict";
// The page of the dashboard. What the server sends of runs are texts from outside: they reach
// the document as text nodes only. All that is chosen stands in the address, so that an
// address leads back to what was seen.
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  };
  const bdi = (text) => make("bdi", "", text);
  const get = async (path, params, signal) => {
    const answer = await fetch(path + "?" + new URLSearchParams(params), { signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };

  // The choices and their place in the address.
  const params = new URLSearchParams(location.search);
  const defaults = ["reward", "eval/held_out/exact_match", "eval/held_out/semantic", "objective/entropy", "objective/kl", "completions/mean_length"];
  const state = {
    q: params.get("q") ?? "", group: params.get("group") ?? "config", x: params.get("x") ?? "episode", smooth: Number(params.get("smooth")) || 0,
    log: params.has("log"), logx: params.has("logx"), bands: params.get("bands") !== "0", only: params.has("only"),
    from: params.get("from"), to: params.get("to"), metrics: params.getAll("m"), columns: params.getAll("col"), selected: new Set(params.getAll("sel")),
    hidden: new Set(params.getAll("hide")), sort: params.get("sort") ?? "name", down: params.has("down"), run: params.get("run"), step: params.get("step"),
  };
  const given = state.metrics.length > 0;
  if (!given) state.metrics = [...defaults];
  const remember = () => {
    const p = new URLSearchParams();
    const put = (name, value, usual) => { if (value !== usual && value !== null && value !== false) p.append(name, value === true ? "1" : value); };
    put("q", state.q, ""); put("group", state.group, "config"); put("x", state.x, "episode"); put("smooth", state.smooth, 0);
    put("log", state.log); put("logx", state.logx); if (!state.bands) p.append("bands", "0"); put("only", state.only);
    put("from", state.from); put("to", state.to); put("sort", state.sort, "name"); put("down", state.down);
    if (state.metrics.join("\n") !== defaults.join("\n")) for (const m of state.metrics) p.append("m", m);
    for (const c of state.columns) p.append("col", c);
    for (const s of state.selected) p.append("sel", s);
    for (const h of state.hidden) p.append("hide", h);
    put("run", state.run); put("step", state.run ? state.step : null);
    const query = p.toString();
    history.replaceState(null, "", query ? "?" + query : location.pathname);
  };

  // Theme: auto, light, dark; remembered where the browser allows it.
  const themes = ["auto", "light", "dark"];
  const kept = (value) => {
    try {
      if (value) localStorage.setItem("pgsrm-theme", value);
      return localStorage.getItem("pgsrm-theme");
    } catch { return null; }
  };
  let theme = themes.includes(kept()) ? kept() : "auto";
  const paint = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    $("theme-name").textContent = theme;
    for (const c of charts) c.plot.theme();
  };

  // Numbers and times for readers.
  const percent = (v) => v === undefined ? "" : (100 * v).toFixed(1) + "%";
  const duration = (s) => {
    if (!(s > 0)) return "";
    if (s < 60) return Math.round(s) + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + Math.round(s % 60) + " s";
    if (s < 86400) return Math.floor(s / 3600) + " h " + Math.round(s % 3600 / 60) + " min";
    return Math.floor(s / 86400) + " d " + Math.round(s % 86400 / 3600) + " h";
  };
  const when = (text) => {
    const t = new Date(text);
    return Number.isNaN(t.getTime()) ? text : t.toLocaleString("sv").slice(0, 16);
  };
  const whole = (v) => Math.round(v).toLocaleString("en");

  // Charts.
  const charts = [];
  let metrics = [], lines = [];
  const known = (name) => metrics.find((m) => m.name === name) ?? { name, unit: "", format: "score", zero: false };
  const units = { episode: "episodes", step: "steps", seconds: "seconds" };

  const fillSelect = (select, current) => {
    const names = metrics.map((m) => m.name);
    if (!names.includes(current)) names.unshift(current);
    const now = names.join("\n");
    if (select.dataset.names !== now) {
      select.dataset.names = now;
      select.replaceChildren(...names.map((n) => new Option(n, n)));
    }
    select.value = current;
  };

  const addChart = (metric) => {
    const card = make("figure", "card"), head = make("figcaption", "chart-head"), select = make("select"), remove = make("button", "tool", "remove"), note = make("small"), host = make("div");
    const table = make("details"), numbers = make("div", "numbers-of scroll");
    select.setAttribute("aria-label", "metric");
    remove.type = "button";
    numbers.tabIndex = 0;
    numbers.setAttribute("role", "region");
    numbers.setAttribute("aria-label", "numbers");
    table.append(make("summary", "", "numbers"), numbers);
    head.append(select, remove);
    card.append(head, note, host, table);
    $("charts").append(card);
    const chart = { metric, card, select, seen: false, stale: true, asked: null, data: null };
    chart.plot = pgsrmChart(host, {
      label: metric, height: 230, sync: "all", zoomed: (from, to) => {
        state.from = from === null ? null : String(Math.max(0, Math.floor(from)));
        state.to = to === null ? null : String(Math.ceil(to));
        changed();
      },
    });
    chart.draw = () => {
      if (!chart.data) return;
      const m = known(chart.metric);
      note.textContent = m.unit || "\u00a0";
      const shown = chart.data.lines.filter((l) => !state.hidden.has(l.key));
      for (const l of shown) if (l.runs > 1) l.label = l.name + " (" + l.runs + ")";
      chart.plot.set({ x: chart.data.x, lines: shown }, { label: chart.metric, format: m.format, zero: m.zero, unit: units[state.x], log: state.log, logX: state.logx, smooth: state.smooth, bands: state.bands });
      chart.plot.view(state.from === null ? null : Number(state.from), state.to === null ? null : Number(state.to));
      if (table.open) numbers.replaceChildren(chart.plot.table());
    };
    table.addEventListener("toggle", () => { if (table.open) numbers.replaceChildren(chart.plot.table()); });
    chart.load = async () => {
      chart.stale = false;
      chart.asked?.abort();
      const mine = chart.asked = new AbortController();
      try {
        const p = { metric: chart.metric, x: state.x, group: state.group, q: state.q, points: Math.min(600, Math.max(100, Math.round(host.clientWidth))) };
        if (state.from !== null) p.from = state.from;
        if (state.to !== null) p.to = state.to;
        if (state.only && state.selected.size > 0) p.ids = [...state.selected].join(",");
        const data = await get("api/chart", p, mine.signal);
        for (const l of data.lines) l.name = l.label;
        chart.data = data;
        chart.draw();
        legend();
        document.documentElement.dataset.curve ??= Math.round(performance.now()); // for those who measure
      } catch (e) {
        if (e.name !== "AbortError") note.textContent = "could not be had: " + e.message;
      }
    };
    select.addEventListener("change", () => {
      chart.metric = select.value;
      state.metrics = charts.map((c) => c.metric);
      remember();
      chart.load();
    });
    remove.addEventListener("click", () => {
      sight.unobserve(card);
      chart.asked?.abort();
      chart.plot.destroy();
      card.remove();
      charts.splice(charts.indexOf(chart), 1);
      state.metrics = charts.map((c) => c.metric);
      remember();
      $("add").focus();
    });
    card.chart = chart;
    fillSelect(select, metric);
    charts.push(chart);
    sight.observe(card);
    return chart;
  };
  // Charts out of sight wait.
  const sight = new IntersectionObserver((entries) => {
    for (const e of entries) {
      e.target.chart.seen = e.isIntersecting;
      if (e.isIntersecting && e.target.chart.stale) e.target.chart.load();
    }
  }, { rootMargin: "200px" });
  const loadCharts = () => {
    for (const c of charts) {
      c.stale = true;
      if (c.seen && !document.hidden) c.load();
    }
  };

  const legend = () => {
    const all = new Map();
    for (const c of charts) for (const l of c.data?.lines ?? []) if (!all.has(l.key)) all.set(l.key, l);
    const now = [...all.values()].map((l) => l.key + l.name + l.slot + l.runs).join("\n");
    if (lines === now) return;
    lines = now;
    $("legend").replaceChildren(...[...all.values()].slice(0, 300).map((l) => {
      const chip = make("button", "chip c" + l.slot);
      chip.type = "button";
      chip.setAttribute("aria-pressed", String(!state.hidden.has(l.key)));
      chip.append(make("span", "swatch"), bdi(l.name + (l.runs > 1 ? " (" + l.runs + " runs)" : "")));
      chip.addEventListener("click", () => {
        const show = state.hidden.delete(l.key);
        if (!show) state.hidden.add(l.key);
        chip.setAttribute("aria-pressed", String(show));
        remember();
        for (const c of charts) c.draw();
      });
      return chip;
    }));
  };

  // The list of runs.
  const stateClass = (name) => "pill state-" + name.split(" ")[0];
  let rows = [], all = false, version = null;
  const shown = 100;
  const rowNodes = new Map();
  const evalOf = (r, split) => r.eval?.[split + "/exact_match_normalized"] ?? r.eval?.[split + "/exact_match"];
  const columns = () => [
    { id: "name", title: "run", of: (r) => r.name },
    { id: "state", title: "state", of: (r) => r.state || "reading" },
    { id: "progress", title: "progress", of: (r) => r.episodes ? r.episode / r.episodes : 0 },
    { id: "left", title: "left", num: true, of: (r) => r.left, text: (r) => duration(r.left) },
    { id: "speed", title: "episodes/s", num: true, of: (r) => r.speed, text: (r) => r.speed ? r.speed.toFixed(r.speed < 10 ? 2 : 0) : "" },
    { id: "train", title: "train", num: true, of: (r) => evalOf(r, "train") ?? -1, text: (r) => percent(evalOf(r, "train")) },
    { id: "held_out", title: "held-out", num: true, of: (r) => evalOf(r, "held_out") ?? -1, text: (r) => percent(evalOf(r, "held_out")) },
    { id: "likeness", title: "likeness", num: true, of: (r) => r.eval?.["held_out/semantic"] ?? -2, text: (r) => r.eval?.["held_out/semantic"]?.toFixed(3) ?? "" },
    { id: "task", title: "task", wrap: true, of: (r) => r.task },
    { id: "arm", title: "reward", wrap: true, of: (r) => r.arm },
    { id: "seed", title: "seed", num: true, of: (r) => Number(r.seed), text: (r) => r.seed },
    { id: "warnings", title: "warnings", num: true, of: (r) => r.warnings, text: (r) => r.warnings || "" },
    { id: "failures", title: "failures", num: true, of: (r) => r.failures, text: (r) => r.failures ? whole(r.failures) : "" },
    { id: "started", title: "started", of: (r) => r.started, text: (r) => when(r.started) },
    ...state.columns.map((key, i) => ({ id: "col:" + key, title: key, wrap: true, key, of: (r) => { const v = r.columns?.[i] ?? "", n = Number(v); return v !== "" && !Number.isNaN(n) ? n : v; }, text: (r) => r.columns?.[i] ?? "" })),
  ];

  const heads = () => {
    const tr = document.querySelector(".runs thead tr");
    const now = state.columns.join("\n") + state.sort + state.down;
    if (tr.dataset.now === now) return;
    tr.dataset.now = now;
    const first = make("th");
    first.append(make("span", "sr", "selected"));
    tr.replaceChildren(first, ...columns().map((c) => {
      const th = make("th", c.num ? "num" : ""), button = make("button", "", c.title);
      th.scope = "col";
      button.type = "button";
      if (state.sort === c.id) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      button.addEventListener("click", () => {
        state.down = state.sort === c.id ? !state.down : false;
        state.sort = c.id;
        remember();
        list();
        document.querySelector(".runs thead [aria-sort] button")?.focus();
      });
      th.append(button);
      if (c.key) {
        const drop = make("button", "", "\u00d7");
        drop.type = "button";
        drop.setAttribute("aria-label", "remove the column " + c.title);
        drop.addEventListener("click", () => {
          state.columns = state.columns.filter((k) => k !== c.key);
          remember();
          refresh();
        });
        th.append(drop);
      }
      return th;
    }));
    rowNodes.clear();
    document.querySelector(".runs tbody").replaceChildren();
  };

  const rowNode = (r) => {
    const tr = make("tr"), cells = new Map();
    const pick = make("td"), box = make("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", "select " + r.name);
    box.addEventListener("change", () => {
      if (box.checked) state.selected.add(r.id);
      else state.selected.delete(r.id);
      selection();
    });
    const room = make("label", "check");
    room.append(box);
    pick.append(room);
    tr.append(pick);
    for (const c of columns()) {
      const td = make(c.id === "name" ? "th" : "td", c.id === "name" ? "name" : (c.num ? "num" : "") + (c.wrap ? "wrap" : ""));
      if (c.id === "name") {
        td.scope = "row";
        const open = make("button");
        open.type = "button";
        open.append(bdi(r.name));
        open.addEventListener("click", () => detail(r.id));
        td.append(open);
      }
      td.dataset.title = c.title;
      cells.set(c.id, td);
      tr.append(td);
    }
    return { tr, cells, box, last: new Map() };
  };

  const fill = (node, r) => {
    node.box.checked = state.selected.has(r.id);
    for (const c of columns()) {
      if (c.id === "name") continue;
      const td = node.cells.get(c.id);
      const text = c.id === "state" ? r.state + (r.reason || r.problem) + Math.round(r.silent / 60) : c.id === "progress" ? r.episode + "/" + r.episodes : String(c.text ? c.text(r) : c.of(r));
      if (node.last.get(c.id) === text) continue;
      node.last.set(c.id, text);
      if (c.id === "state") {
        const pill = make("span", stateClass(r.state), r.state || "reading");
        td.replaceChildren(pill);
        if (r.reason || r.problem) td.title = r.reason || r.problem;
        if (r.silent > 120) td.append(make("small", "", "silent for " + duration(r.silent)));
      } else if (c.id === "progress") {
        const box = make("span", "progress"), bar = make("progress");
        bar.max = Math.max(1, r.episodes);
        bar.value = r.episode;
        bar.setAttribute("aria-label", "episodes");
        box.append(bar, make("span", "", r.episodes ? Math.floor(100 * r.episode / r.episodes) + "%" : ""));
        box.title = whole(r.episode) + " of " + whole(r.episodes) + " episodes";
        td.replaceChildren(box);
      } else td.replaceChildren(c.wrap ? bdi(text) : text);
    }
  };

  const byNumber = new Intl.Collator("en", { numeric: true });
  const list = () => {
    heads();
    const c = columns().find((k) => k.id === state.sort) ?? columns()[0];
    const order = [...rows].sort((a, b) => {
      const x = c.of(a), y = c.of(b);
      const o = typeof x === "number" && typeof y === "number" ? x - y : byNumber.compare(String(x), String(y));
      return (state.down ? -o : o) || byNumber.compare(a.name, b.name);
    });
    const some = all ? order : order.slice(0, shown);
    const body = document.querySelector(".runs tbody"), there = new Set();
    some.forEach((r, i) => {
      there.add(r.id);
      let node = rowNodes.get(r.id);
      if (!node) rowNodes.set(r.id, node = rowNode(r));
      fill(node, r);
      if (body.children[i] !== node.tr) body.insertBefore(node.tr, body.children[i] ?? null);
    });
    for (const [id, node] of rowNodes) {
      if (there.has(id)) continue;
      node.tr.remove();
      rowNodes.delete(id);
    }
    $("more").hidden = all || order.length <= shown;
    $("more").textContent = "show all " + order.length;
  };

  const selection = () => {
    $("compare").disabled = state.selected.size < 2;
    $("unselect").disabled = state.selected.size === 0;
    remember();
    if (state.only) loadCharts();
  };

  let asked = null;
  const refresh = async () => {
    asked?.abort();
    const mine = asked = new AbortController();
    try {
      const answer = await get("api/runs", { q: state.q, columns: state.columns.join(",") }, mine.signal);
      rows = answer.runs;
      version ??= answer.version;
      $("folder").textContent = answer.folder;
      $("count").textContent = rows.length === answer.of ? answer.of + "" : rows.length + " of " + answer.of;
      if (answer.loading) $("count").textContent += ", reading " + answer.loading;
      $("problem").hidden = !answer.problem;
      $("problem").textContent = answer.problem ?? "";
      $("states").replaceChildren(...Object.entries(answer.states).sort().map(([name, n]) => make("span", stateClass(name), n + " " + (name || "reading"))));
      $("alerts").hidden = answer.alerts.length === 0;
      $("alerts").replaceChildren(...answer.alerts.slice(-5).reverse().map((a) => { const li = make("li"); li.append(bdi(a.text)); return li; }));
      list();
    } catch (e) {
      if (e.name !== "AbortError") $("live").textContent = "no answer";
    }
  };
  const refreshMetrics = async () => {
    metrics = await get("api/metrics", {});
    nameMetrics();
  };
  const nameMetrics = () => {
    const names = new Set(metrics.map((m) => m.name));
    for (const c of charts) {
      if (!given && names.size > 0) { // what runs of other kinds do not have
        const other = c.metric.replace("held_out", "train"), was = c.metric;
        if (c.metric === "eval/held_out/exact_match" && names.has(c.metric + "_normalized")) c.metric += "_normalized";
        else if (!names.has(c.metric) && names.has(other)) c.metric = other;
        if (c.metric !== was && c.seen) c.load();
      }
      fillSelect(c.select, c.metric);
    }
  };
  const refreshKeys = async () => {
    const keys = await get("api/keys", {});
    const differ = keys.filter((k) => k.values > 1).map((k) => k.name);
    const group = $("controls").elements.group;
    const groups = [...differ];
    if (!["config", "none"].includes(state.group) && !groups.includes(state.group)) groups.unshift(state.group);
    group.replaceChildren(new Option("by configuration", "config"), new Option("each run", "none"), ...groups.map((k) => new Option("by " + k, k)));
    group.value = state.group;
    $("column").replaceChildren(new Option("add a key", ""), ...keys.map((k) => new Option(k.name + (k.values > 1 ? " *" : ""), k.name)));
  };

  // One run.
  const dialog = $("detail");
  let openRun = null;
  const fact = (list, name, value) => {
    if (value === "" || value === undefined || value === null) return;
    const box = make("div");
    const dd = make("dd");
    dd.append(bdi(value));
    box.append(make("dt", "", name), dd);
    list.append(box);
  };
  const tableOf = (head, body, className) => {
    const scroll = make("div", "card scroll"), table = make("table", className ?? "keys"), top = make("thead"), tr = make("tr"), rest = make("tbody");
    tr.append(...head.map((h) => make("th", "", h)));
    top.append(tr);
    rest.append(...body);
    table.append(top, rest);
    scroll.append(table);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", head.filter((h) => h).slice(0, 3).join(", "));
    return scroll;
  };
  const rowOf = (cells) => {
    const tr = make("tr");
    cells.forEach((c, i) => {
      const td = make(i === 0 ? "th" : "td");
      td.append(bdi(c));
      tr.append(td);
    });
    return tr;
  };

  const drawSamples = async (box, id, filter) => {
    const answer = await get("api/samples", state.step === null ? { id } : { id, step: state.step });
    if (openRun !== id) return;
    const text = filter.text.value.trim().toLowerCase(), only = filter.only.value;
    if (filter.step.dataset.steps !== answer.steps.join()) {
      filter.step.dataset.steps = answer.steps.join();
      filter.step.replaceChildren(new Option("the last", ""), ...answer.steps.map((s) => new Option(s, s)).reverse());
      filter.step.value = state.step ?? "";
    }
    const fits = answer.samples.filter((s) =>
      (only === "" || only === "right" === s.right) && (text === "" || (s.prompt + "\n" + s.reference + "\n" + s.response).toLowerCase().includes(text)));
    const body = fits.slice(0, 200).map((s) => {
      const tr = make("tr", s.right ? "right" : "");
      const cell = (title, className, node) => {
        const td = make("td", className);
        td.dataset.title = title;
        td.append(node);
        tr.append(td);
      };
      cell("prompt", "full", make("span", "prompt", s.prompt));
      cell("reference", "full", bdi(s.reference));
      cell("answer", "full", s.response.trim() === "" ? make("span", "none", "(blank)") : make("span", "said", s.response));
      cell("reward", "num", s.reward === null ? s.error || "none" : s.reward.toFixed(3).replace("-", "\u2212"));
      cell("", "", s.right ? "right" : "");
      cell("kind", "", s.greedy ? s.split || "greedy" : "sampled");
      cell("end", "", s.finish);
      return tr;
    });
    box.replaceChildren(make("p", "hint", "step " + answer.step + ": " + fits.length + " of " + answer.samples.length + " answers" + (fits.length > 200 ? ", the first 200" : "") + (answer.more ? ", the first " + answer.samples.length + " of the step" : "")),
      tableOf(["prompt", "reference", "answer", "reward", "", "kind", "end"], body, "samples stack"));
  };

  const detail = async (id) => {
    openRun = state.run = id;
    remember();
    let answer;
    try {
      answer = await get("api/run", { id });
    } catch (e) {
      $("detail-body").replaceChildren(make("p", "notice", e.message));
      if (!dialog.open) dialog.showModal();
      return;
    }
    if (openRun !== id) return;
    const r = answer.row, body = [];
    const title = make("h2");
    title.id = "detail-title";
    title.append(bdi(r.name));
    const facts = make("dl", "facts");
    const pill = make("span", stateClass(r.state), r.state);
    fact(facts, "task", r.task); fact(facts, "child", r.child); fact(facts, "reward", r.arm); fact(facts, "algorithm", r.algorithm); fact(facts, "seed", r.seed);
    fact(facts, "episodes", whole(r.episode) + " of " + whole(r.episodes)); fact(facts, "step", r.step + " of " + r.steps); fact(facts, "left", duration(r.left));
    fact(facts, "episodes/s", r.speed ? r.speed.toFixed(1) : ""); fact(facts, "trained", duration(r.seconds)); fact(facts, "started", when(r.started)); fact(facts, "folder", answer.dir);
    body.push(title, pill, facts);
    if (r.reason) body.push(make("p", "notice", r.reason));
    if (r.problem) body.push(make("p", "notice", r.problem));
    if (answer.resume) {
      const p = make("p", "", "To go on: ");
      p.append(make("code", "", answer.resume));
      body.push(p);
    }
    if (answer.warnings.length > 0) {
      const ul = make("ul", "notice alerts");
      ul.append(...answer.warnings.map((w) => { const li = make("li"); li.append(bdi("step " + w.step + ": " + w.text)); return li; }));
      body.push(make("h3", "", "Warnings"), ul);
    }
    const samples = make("div"), tools = make("form", "sampletools");
    const field = (title, node) => { const l = make("label", "", title + " "); l.append(node); tools.append(l); return node; };
    const filter = { step: field("evaluation at step", make("select")), text: field("search", make("input")), only: field("show", make("select")) };
    filter.text.type = "search";
    filter.only.append(new Option("all", ""), new Option("right", "right"), new Option("wrong", "wrong"));
    tools.addEventListener("submit", (e) => e.preventDefault());
    const redraw = () => drawSamples(samples, id, filter).catch((e) => samples.replaceChildren(make("p", "notice", e.message)));
    filter.step.addEventListener("change", () => { state.step = filter.step.value === "" ? null : filter.step.value; remember(); redraw(); });
    filter.text.addEventListener("input", redraw);
    filter.only.addEventListener("change", redraw);
    body.push(make("h3", "", "Answers"), tools, samples);
    const evals = Object.entries(answer.eval).sort();
    if (evals.length > 0) body.push(make("h3", "", "Last evaluation, step " + answer.eval_step), tableOf(["metric", "value"], evals.map(([k, v]) => rowOf([k, pgsrmChart.number("score", v)]))));
    const counts = Object.entries(answer.counts).sort();
    if (counts.length > 0) body.push(make("h3", "", "Sources"), tableOf(["count", "value"], counts.map(([k, v]) => rowOf([k, pgsrmChart.number("score", v)]))));
    body.push(make("h3", "", "Configuration"));
    if (answer.changed.length > 0) body.push(tableOf(["differs from the preset in", "preset", "run"], answer.changed.map((d) => rowOf([d.key, d.a, d.b]))));
    const whole_ = make("details");
    whole_.append(make("summary", "", "all " + answer.config.length + " keys"), tableOf(["key", "value"], answer.config.map((k) => rowOf(k))));
    body.push(whole_);
    $("detail-body").replaceChildren(...body);
    if (!dialog.open) dialog.showModal();
    redraw();
  };
  dialog.addEventListener("close", () => {
    if (openRun !== null) rowNodes.get(openRun)?.tr.querySelector(".name button")?.focus();
    openRun = state.run = state.step = null;
    remember();
  });

  const compare = async () => {
    const answer = await get("api/differences", { ids: [...state.selected].join(",") });
    const title = make("h2", "", "Differences of " + answer.runs.length + " runs");
    title.id = "detail-title";
    $("detail-body").replaceChildren(title, answer.keys.length === 0 ? make("p", "hint", "The configurations are the same.") :
      tableOf(["key", ...answer.runs], answer.keys.map((k) => rowOf([k.key, ...k.values]))));
    openRun = null;
    dialog.showModal();
  };

  // What the user chooses.
  const changed = () => {
    remember();
    $("unzoom").hidden = state.from === null && state.to === null;
    loadCharts();
  };
  const controls = $("controls");
  const f = controls.elements;
  const setControls = () => {
    f.q.value = state.q; f.x.value = state.x; f.smooth.value = state.smooth;
    f.log.checked = state.log; f.logx.checked = state.logx; f.bands.checked = state.bands; f.only.checked = state.only;
  };
  controls.addEventListener("submit", (e) => e.preventDefault());
  let typing = 0;
  controls.addEventListener("input", (e) => {
    const was = { ...state };
    Object.assign(state, { q: f.q.value, group: f.group.value || state.group, x: f.x.value, smooth: Number(f.smooth.value), log: f.log.checked, logx: f.logx.checked, bands: f.bands.checked, only: f.only.checked });
    if (state.x !== was.x) state.from = state.to = null;
    if (["smooth", "log", "logx", "bands"].includes(e.target.name)) {
      remember();
      for (const c of charts) c.draw();
      return;
    }
    clearTimeout(typing);
    typing = setTimeout(() => {
      if (state.q !== was.q) refresh();
      changed();
    }, e.target.name === "q" ? 200 : 0);
  });
  $("unzoom").addEventListener("click", () => { state.from = state.to = null; changed(); });
  $("add").addEventListener("click", () => {
    const used = new Set(charts.map((c) => c.metric));
    const next = metrics.find((m) => !used.has(m.name));
    const c = addChart(next ? next.name : "reward");
    state.metrics = charts.map((k) => k.metric);
    remember();
    c.select.focus();
  });
  $("more").addEventListener("click", () => { all = true; list(); });
  $("compare").addEventListener("click", compare);
  $("unselect").addEventListener("click", () => { state.selected.clear(); selection(); list(); });
  $("column").addEventListener("change", () => {
    const key = $("column").value;
    if (key && !state.columns.includes(key) && state.columns.length < 12) state.columns.push(key);
    $("column").value = "";
    remember();
    refresh();
  });
  $("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    kept(theme);
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

  // Live: the server says that something is new, the page asks for what it shows.
  let waiting = false, beat = 0;
  const update = () => {
    if (document.hidden) { waiting = true; return; }
    waiting = false;
    refresh();
    loadCharts();
    if (beat++ % 10 === 0) {
      refreshMetrics().catch(() => {});
      refreshKeys().catch(() => {});
    }
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && waiting) update(); });
  const listen = () => {
    const events = new EventSource("api/events");
    events.onopen = () => { $("live").textContent = "live"; };
    events.onerror = () => { $("live").textContent = "reconnecting"; };
    events.onmessage = (e) => {
      const now = JSON.parse(e.data).version;
      $("live").textContent = "live";
      if (now !== version) update();
      version = now;
    };
  };

  const begin = async () => {
    setControls();
    paint();
    selection();
    $("unzoom").hidden = state.from === null && state.to === null;
    for (const m of state.metrics) addChart(m);
    const first = [refresh(), refreshMetrics().then(() => { for (const c of charts) c.draw(); }).catch(() => {})];
    beat = 1;
    if (state.run) detail(state.run);
    await Promise.all(first);
    document.documentElement.dataset.ready = "1";
    listen();
    refreshKeys().catch(() => {});
  };
  begin();
})();
