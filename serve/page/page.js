"use strict";
const $ = (id) => document.getElementById(id);
let token = "";

function element(name, text, kind) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (kind) e.className = kind;
  return e;
}

async function ask(path, body) {
  const options = { headers: {} };
  if (token) options.headers.Authorization = "Bearer " + token;
  if (body) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const reply = await fetch(path, options);
  const value = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(value.error.message), { status: reply.status });
  return value;
}

const number = (x, digits = 3) => (x === null || x === undefined ? "none" : x.toFixed(digits));

function duration(s) {
  const parts = [Math.floor(s / 86400) + " d", Math.floor(s / 3600) % 24 + " h", Math.floor(s / 60) % 60 + " min", Math.floor(s % 60) + " s"];
  while (parts.length > 1 && parts[0].startsWith("0 ")) parts.shift();
  return parts.slice(0, 2).join(" ");
}

let before = null;

function showLoad(s) {
  const now = performance.now() / 1000;
  const rate = before ? Math.max(0, s.requests - before.requests) / (now - before.at) : 0;
  before = { requests: s.requests, at: now };
  const latency = s.latency_ms || [null, null, null];
  const rows = [
    ["Requests", s.requests.toLocaleString("en")], ["Requests per second", rate.toFixed(1)],
    ["Samples in flight", s.samples_in_flight + " of " + s.max_samples], ["Up for", duration(s.uptime_s)],
    ["Latency, median", number(latency[0], 2) + " ms"], ["Latency, 90 %", number(latency[1], 2) + " ms"], ["Latency, 99 %", number(latency[2], 2) + " ms"],
  ];
  $("load").replaceChildren(...rows.map(([name, value]) => {
    const row = element("div");
    row.append(element("dt", name), element("dd", value));
    return row;
  }));
}

function rewardBox(r) {
  const box = element("div", undefined, "reward");
  box.append(element("h3", r.name), element("code", r.formula));
  const facts = [r.scored + " scored", r.unscored + " without a reward", r.waiting + " waiting", "mean " + number(r.mean), "least " + number(r.least), "most " + number(r.most)];
  if (r.memory === "off") facts.push("its memory is off: scored as at the start of a run");
  box.append(element("div", facts.join(", ")));
  const bins = element("div", undefined, "bins");
  bins.setAttribute("role", "img");
  bins.setAttribute("aria-label", "how many rewards fell where between -1 and 1: " + r.bins.join(", "));
  const most = Math.max(1, ...r.bins);
  for (const n of r.bins) {
    const bar = element("i");
    bar.style.height = (100 * n) / most + "%";
    bins.append(bar);
  }
  const axis = element("div", undefined, "axis");
  axis.append(...["-1", "-0.5", "0", "0.5", "1"].map((t) => element("span", t)));
  box.append(bins, axis);
  return box;
}

function showRewards(s) {
  $("rewards").replaceChildren(...s.rewards.map(rewardBox));
  const names = s.rewards.map((r) => r.name);
  const shown = [...$("name").options].map((o) => o.value);
  if (names.join("\n") !== shown.join("\n")) $("name").replaceChildren(...names.map((n) => element("option", n)));
}

async function refresh() {
  try {
    const s = await ask("v1/status");
    $("state").textContent = "The server answers.";
    $("state").className = "";
    $("access").hidden = true;
    showLoad(s);
    showRewards(s);
  } catch (e) {
    $("access").hidden = e.status !== 401;
    $("state").textContent = e.status === 401 ? "The server asks for a token." : "The server does not answer: " + e.message;
    $("state").className = "bad";
  }
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  refresh();
});

$("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  const sample = { prompt: $("prompt").value, response: $("response").value };
  if ($("reference").value !== "") sample.reference = $("reference").value;
  try {
    const reply = await ask("v1/reward", { name: $("name").value, samples: [sample] });
    const one = reply.results[0];
    if (one.error) throw new Error(one.error.message);
    const table = element("table");
    const rows = [["reward", number(one.reward, 6)], ...reply.terms.map((t) => [t, number(one.terms[t], 6)]), ["compared with", one.reference]];
    for (const [name, value] of rows) {
      const row = element("tr");
      row.append(element("th", name), element("td", value));
      table.append(row);
    }
    $("result").replaceChildren(table);
  } catch (e) {
    $("result").replaceChildren(element("p", e.message, "bad"));
  }
});

refresh();
setInterval(refresh, 2000);
