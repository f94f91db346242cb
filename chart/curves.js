"use strict";
// pgsrmChart(host, options) draws lines over one axis into the element host, on top of
// uPlot, and returns {set(data, options), view(from, to), theme(), table(), destroy()}.
//
// data = {x: [...], lines: [{label, slot, y: [...], lo: [...], hi: [...]}]}: x rises, the
// others have its length and null where there is nothing; lo and hi, the band, may be
// absent. label is text from outside: it reaches the document as a text node only.
//
// options = {
//   label    what the chart shows, for those who do not see it
//   format   "percent", "score" or "number"
//   unit     of x in the plural: "episodes"
//   zero     the axis of values starts at 0
//   log      the axis of values is logarithmic, logX that of x
//   smooth   0 to 0.99: weight of an exponential moving average, bias taken out
//   bands    draw lo to hi
//   height   pixels
//   sync     charts of one name share the cursor
//   zoomed   (from, to) => called when the user zooms, with nulls when all is shown again
// }
//
// Keys, with the focus on the chart: left and right move the cursor, + and - zoom at it,
// 0 or Escape shows all. A drag zooms, a double click shows all.
(() => {
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const tip = () => {
    let box = document.getElementById("tip");
    if (!box) {
      box = make("div");
      box.id = "tip";
      box.hidden = true;
      document.body.append(box);
    }
    return box;
  };

  const minus = (text) => text.replace("-", "\u2212");
  const number = (kind, v) => {
    if (v === null || v === undefined || !Number.isFinite(v)) return "\u2013";
    if (kind === "percent") return minus((100 * v).toFixed(1) + "%");
    const size = Math.abs(v);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return minus(v.toExponential(2));
    return minus(v.toFixed(size >= 1000 ? 0 : kind === "number" ? 2 : 3));
  };
  const whole = (v) => Math.round(v).toLocaleString("en");
  const brief = (v) => {
    const size = Math.abs(v);
    if (size >= 1e9) return +(v / 1e9).toFixed(2) + "B";
    if (size >= 1e6) return +(v / 1e6).toFixed(2) + "M";
    if (size >= 1e3) return +(v / 1e3).toFixed(2) + "k";
    return String(+v.toFixed(2));
  };

  // smoothed is the exponential moving average, without the bias of its start; gaps stay.
  const smoothed = (values, weight) => {
    if (!weight) return values;
    let mean = 0, seen = 0;
    return values.map((v) => {
      if (v === null) return null;
      mean = weight * mean + (1 - weight) * v;
      seen = weight * seen + 1 - weight;
      return mean / seen;
    });
  };
  // positive leaves out what a logarithmic axis cannot show.
  const positive = (values, log) => log ? values.map((v) => v === null || v > 0 ? v : null) : values;

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const slots = () => {
    let n = 0;
    while (style("--c" + n) !== "") n++;
    return n || 1;
  };
  const dashes = (slot) => {
    const probe = make("span", "c" + slot);
    probe.hidden = true;
    document.body.append(probe);
    const text = getComputedStyle(probe).getPropertyValue("--dash").trim();
    probe.remove();
    return text === "none" || text === "" ? undefined : text.split(" ").map(Number);
  };
  const faded = (color, alpha) => /^#[0-9a-f]{6}$/i.test(color) ? color + Math.round(255 * alpha).toString(16).padStart(2, "0") : color;

  const most = 10; // lines of a tooltip

  window.pgsrmChart = (host, first) => {
    let options = { format: "number", unit: "episodes", height: 240, ...first };
    let data = { x: [], lines: [] };
    let plot = null, drawn = "", range = null, looks = null;
    host.classList.add("curves");
    host.tabIndex = 0;
    host.setAttribute("role", "img");

    const look = () => {
      if (looks) return looks;
      const n = slots();
      looks = { soft: style("--soft"), rule: style("--rule"), card: style("--card"), arms: [] };
      for (let i = 0; i < n; i++) looks.arms.push({ color: style("--c" + i), dash: dashes(i) });
      return looks;
    };
    const arm = (slot) => look().arms[slot % look().arms.length];
    const bands = () => options.bands && data.lines.length <= 20;

    // columns are what uPlot draws: x, the lines, then two edges for each band.
    const columns = () => {
      const out = [data.x, ...data.lines.map((l) => positive(smoothed(l.y, options.smooth), options.log))];
      if (bands()) {
        for (const l of data.lines) {
          if (l.lo) out.push(positive(smoothed(l.hi, options.smooth), options.log), positive(smoothed(l.lo, options.smooth), options.log));
        }
      }
      return out;
    };

    const seriesOf = () => {
      const lines = data.lines.map((l) => ({
        label: l.label, stroke: arm(l.slot).color, dash: arm(l.slot).dash, width: data.lines.length > 40 ? 1 : 2, spanGaps: true,
        points: { show: data.x.length <= 1 || l.y.filter((v) => v !== null).length <= 1, size: 6 },
      }));
      const edges = [], fills = [];
      if (bands()) {
        for (const l of data.lines) {
          if (!l.lo) continue;
          const at = 1 + lines.length + edges.length;
          edges.push({ points: { show: false }, width: 0, spanGaps: true }, { points: { show: false }, width: 0, spanGaps: true });
          fills.push({ series: [at, at + 1], fill: faded(arm(l.slot).color, 0.16) });
        }
      }
      return { series: [{}, ...lines, ...edges], bands: fills };
    };

    const rangeOf = (u, lo, hi) => {
      if (lo === null || hi === null || lo === undefined) return options.log ? [0.1, 1] : [0, 1];
      if (options.log) return uPlot.rangeLog(lo, hi, 10, true);
      if (options.zero) lo = Math.min(lo, 0);
      if (hi - lo < 1e-9) return [lo === 0 ? 0 : lo - Math.max(0.1, Math.abs(lo) / 2), hi + Math.max(0.1, Math.abs(hi) / 2)];
      const room = (hi - lo) * 0.06;
      return [options.zero && lo === 0 ? 0 : lo - room, hi + room];
    };

    const build = () => {
      const { series, bands: fills } = seriesOf();
      const axis = { stroke: look().soft, font: "11px system-ui, sans-serif", grid: { stroke: look().rule, width: 1 }, ticks: { show: false } };
      plot = new uPlot({
        width: Math.max(120, host.clientWidth), height: options.height, series, bands: fills,
        padding: [8, 14, 0, 0],
        scales: {
          x: { time: false, distr: options.logX ? 3 : 1, range: (u, lo, hi) => range ?? [lo ?? 0, hi === lo ? hi + 1 : hi ?? 1] },
          y: { distr: options.log ? 3 : 1, range: rangeOf },
        },
        axes: [
          { ...axis, size: 28, values: (u, ticks) => ticks.map((v) => v === null ? "" : brief(v)) },
          { ...axis, size: 52, values: (u, ticks) => ticks.map((v) => v === null ? "" : options.format === "percent" ? +(100 * v).toFixed(1) + "%" : minus(Math.abs(v) > 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(0) : String(+v.toPrecision(4)))) },
        ],
        legend: { show: false },
        cursor: { sync: options.sync ? { key: options.sync, setSeries: false } : undefined, drag: { x: true, y: false, setScale: false }, points: { size: 7 }, focus: { prox: 18 } },
        focus: { alpha: data.lines.length > 40 ? 1 : 0.35 },
        hooks: {
          setSelect: [(u) => {
            if (u.select.width < 4) return;
            const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            zoom(from, to);
          }],
          setCursor: [() => hover()],
        },
      }, columns(), host);
      plot.over.addEventListener("pointerleave", () => { tip().hidden = true; });
      plot.over.addEventListener("dblclick", () => zoom(null, null));
    };

    const zoom = (from, to) => {
      view(from, to);
      if (options.zoomed) options.zoomed(from, to);
    };
    const view = (from, to) => {
      range = from === null || from === undefined || !(to > from) ? null : [from, to];
      if (plot) plot.setData(columns(), true);
    };

    let mine = false; // the cursor is the user's, not that of a chart beside
    host.addEventListener("pointermove", () => { mine = true; });
    const hover = () => {
      const box = tip(), i = plot.cursor.idx;
      if (!mine) return;
      if (i === null || i === undefined || plot.cursor.left < 0) {
        box.hidden = true;
        return;
      }
      const rows = [];
      data.lines.forEach((l, at) => {
        const shown = plot.data[at + 1][i];
        if (shown !== null && shown !== undefined) rows.push({ l, shown, place: plot.valToPos(shown, "y") });
      });
      box.replaceChildren(make("div", "when", whole(data.x[i]) + " " + options.unit));
      const top = plot.cursor.top;
      rows.sort((a, b) => Math.abs(a.place - top) - Math.abs(b.place - top));
      const near = rows[0];
      const some = rows.slice(0, most).sort((a, b) => b.shown - a.shown);
      for (const { l, shown } of some) {
        const row = make("div", "row c" + l.slot % look().arms.length + (near.l === l && rows.length > 1 ? " near" : ""));
        row.append(make("span", "at"), make("span", "", l.label), make("b", "", number(options.format, shown)));
        if (l.lo && l.lo[i] !== null && l.hi[i] > l.lo[i]) row.append(make("span", "range", number(options.format, l.lo[i]) + " to " + number(options.format, l.hi[i])));
        box.append(row);
      }
      if (rows.length > most) box.append(make("div", "rest", "and " + (rows.length - most) + " more"));
      box.hidden = rows.length === 0;
      const frame = plot.over.getBoundingClientRect(), size = box.getBoundingClientRect();
      const x = frame.left + plot.cursor.left, y = frame.top + Math.max(0, plot.cursor.top);
      box.style.left = Math.max(8, x + 16 + size.width > innerWidth - 8 ? x - 16 - size.width : x + 16) + "px";
      box.style.top = Math.min(Math.max(8, y - size.height / 2), innerHeight - size.height - 8) + "px";
    };

    host.addEventListener("focusout", () => { tip().hidden = true; });
    host.addEventListener("keydown", (e) => {
      if (!plot || data.x.length === 0 || e.ctrlKey || e.metaKey || e.altKey) return;
      const i = plot.cursor.idx ?? data.x.length - 1, [lo, hi] = [plot.scales.x.min, plot.scales.x.max];
      const at = Math.min(hi, Math.max(lo, data.x[i])), span = hi - lo;
      switch (e.key) {
        case "ArrowLeft": case "ArrowRight": {
          let next = i + (e.key === "ArrowLeft" ? -1 : 1);
          if (plot.cursor.idx === null || plot.cursor.idx === undefined || plot.cursor.left < 0) next = data.x.length - 1;
          next = Math.min(data.x.length - 1, Math.max(0, next));
          mine = true;
          plot.setCursor({ left: plot.valToPos(data.x[next], "x"), top: plot.over.clientHeight / 2 });
          break;
        }
        case "+": case "=": zoom(Math.max(lo, at - span / 4), Math.min(hi, at + span / 4)); break;
        case "-": zoom(Math.max(0, lo - span / 2), hi + span / 2); break;
        case "0": case "Escape": zoom(null, null); tip().hidden = true; break;
        default: return;
      }
      e.preventDefault();
    });

    // what of data and options needs a new plot rather than other numbers
    const shape = () => JSON.stringify([data.lines.map((l) => [l.label, l.slot, !!l.lo, l.y.length <= 1]), options.log, options.logX, bands(), options.format, options.zero, options.height, options.sync]);
    const draw = () => {
      host.setAttribute("aria-label", describe());
      if (data.lines.length === 0) {
        if (plot) plot.destroy();
        plot = null;
        drawn = "";
        const empty = make("div", "curves-empty", options.empty ?? "nothing recorded yet");
        empty.style.height = options.height + "px";
        host.replaceChildren(empty);
        return;
      }
      const now = shape();
      if (plot && now === drawn) return plot.setData(columns(), true);
      if (plot) plot.destroy();
      host.replaceChildren();
      drawn = now;
      build();
    };
    const lastOf = (values) => {
      for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i];
      return null;
    };
    const describe = () => (options.label ?? "chart") + ". " + (data.lines.length === 0 ? "Nothing recorded yet." :
      data.lines.slice(0, most).map((l) => l.label + " " + number(options.format, lastOf(l.y))).join(", ") + (data.lines.length > most ? " and " + (data.lines.length - most) + " more." : "."));

    const resized = new ResizeObserver(() => {
      if (plot && host.clientWidth > 0 && Math.abs(plot.width - host.clientWidth) >= 1) plot.setSize({ width: host.clientWidth, height: options.height });
    });
    resized.observe(host);

    return {
      set(next, changed) {
        options = { ...options, ...changed };
        if (next) data = next;
        draw();
      },
      view,
      theme() { looks = null; drawn = ""; draw(); },
      // table has the numbers of the chart, about twenty rows of them.
      table() {
        const table = make("table", "keys"), head = make("tr"), body = make("tbody");
        head.append(make("th", "", options.unit), ...data.lines.map((l) => make("th", "", l.label)));
        const step = Math.max(1, Math.ceil(data.x.length / 20));
        for (let i = (data.x.length - 1) % step; i < data.x.length; i += step) {
          const row = make("tr");
          row.append(make("th", "", whole(data.x[i])), ...data.lines.map((l) => make("td", "num", number(options.format, l.y[i]))));
          body.append(row);
        }
        const top = make("thead");
        top.append(head);
        table.append(top, body);
        return table;
      },
      destroy() {
        resized.disconnect();
        if (plot) plot.destroy();
        plot = null;
        host.replaceChildren();
      },
    };
  };
  window.pgsrmChart.number = number;
})();
