"use strict";
// Looks at the page as it is laid out. Returns texts, at most a dozen, one for each fault.
function audit(print) {
  const found = [];
  const say = (text) => { if (found.length < 12 && !found.includes(text)) found.push(text); };
  const name = (e) => {
    const text = (e.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.getAttribute("class") ? "." + e.getAttribute("class").split(" ").join(".") : "") + (text ? " (" + text + ")" : "");
  };
  if (print) dispatchEvent(new Event("beforeprint"));
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) say(`the page is ${document.documentElement.scrollWidth} wide, the view ${width}`);

  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0;
  const aside = (e) => e.closest(".sr, .skip, thead") && getComputedStyle(e.closest(".sr, .skip, thead")).position === "absolute";
  // Places where the width may be more: regions that scroll, on the screen.
  const scrolls = (e) => !print && e.closest(".scroll, .legend, .scrolls");

  // Text that does not lie in the view, in its box, or in its drawing.
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !e || ["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(e.tagName) || !shown(e) || aside(e)) continue;
    texts.push([node, e]);
  }
  for (const [node, e] of texts) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const svg = e.closest("svg");
    for (const box of range.getClientRects()) {
      if (box.width === 0) continue;
      if (!scrolls(e) && (box.left < -0.5 || box.right > width + 0.5)) say(`cut at the edge of the view: ${name(e)}`);
      if (svg) {
        const frame = svg.getBoundingClientRect();
        if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) say(`cut at the edge of its drawing: ${name(e)}`);
      }
      for (let p = e; p && p !== document.body; p = p.parentElement) {
        const style = getComputedStyle(p);
        if (style.overflowX === "visible" && style.overflowY === "visible") continue;
        if (scrolls(p) || p.tagName === "svg") break;
        const frame = p.getBoundingClientRect();
        const below = box.bottom > frame.bottom + 1 && (print || !["auto", "scroll"].includes(style.overflowY));
        if (box.left < frame.left - 1 || box.right > frame.right + 1 || below) say(`cut by ${name(p)}: ${name(e)}`);
      }
    }
    if (svg && parseFloat(getComputedStyle(e).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width < (print ? 6.5 : 10)) say(`text of a drawing too small: ${name(e)}`);
  }
  // Labels of stacked tables, which stand before what they label.
  const measure = document.createElement("canvas").getContext("2d"), labels = [];
  for (const e of document.querySelectorAll("td[data-label], td[data-title]")) {
    const text = e.dataset.label ?? e.dataset.title, style = getComputedStyle(e, "::before");
    if (!shown(e) || style.content === "none") continue;
    labels.push([e, style]);
    measure.font = style.font;
    const wide = style.whiteSpace === "nowrap" ? text : style.overflowWrap === "anywhere" ? "" : text.split(/\s+/).reduce((a, b) => (b.length > a.length ? b : a), "");
    if (measure.measureText(wide).width > parseFloat(style.width) + 1) say(`a label runs into what it labels: ${text}`);
  }
  if (print) for (const e of document.querySelectorAll(".scroll")) {
    if (shown(e) && e.scrollWidth > e.clientWidth + 1) say(`a scroll bar on paper: ${name(e)}`);
  }

  // Ticks of an axis that run into each other.
  for (const svg of document.querySelectorAll("svg")) {
    const boxes = [...svg.querySelectorAll(".tick, .axis")].filter(shown).map((e) => [e, e.getBoundingClientRect()]);
    for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
      const [a, b] = [boxes[i][1], boxes[j][1]];
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3) say(`labels of an axis overlap: ${name(boxes[i][0])}, ${name(boxes[j][0])}`);
    }
  }

  // Controls large enough for a thumb.
  if (!print && matchMedia("(pointer: coarse)").matches) for (const e of document.querySelectorAll("button, select, input, summary")) {
    const box = (["checkbox", "radio"].includes(e.type) && e.closest("label") || e).getBoundingClientRect();
    if (shown(e) && !aside(e) && (box.height < 43.5 || box.width < 43.5)) say(`a control of ${box.width.toFixed()} x ${box.height.toFixed()}: ${name(e)}`);
  }

  // Contrast of text, as WCAG 2.2 measures it: 4.5, of large text 3.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (color) => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      known.set(color, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(color);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r, g, b].map((c, i) => (c * a + [R, G, B][i] * (255 - a)) / 255);
  const ground = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) {
      const c = rgba(getComputedStyle(p).backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] === 255) break;
    }
    let color = print || !layers.length ? [255, 255, 255] : [255, 255, 255];
    for (const layer of layers.reverse()) color = over(layer, color);
    return color;
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (e, style, color) => {
    const size = parseFloat(style.fontSize), back = ground(e), front = over(rgba(color), back);
    const [hi, lo] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (hi + 0.05) / (lo + 0.05), need = size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5;
    if (ratio < need) say(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
  };
  for (const [, e] of texts) {
    const style = getComputedStyle(e);
    contrast(e, style, e.closest("svg") ? style.fill : style.color);
  }
  for (const [e, style] of labels) contrast(e, style, style.color);

  // What a keyboard and a screen reader need.
  for (const e of document.querySelectorAll("svg[role=img], .scroll[tabindex]")) if (!e.getAttribute("aria-label")) say(`no name: ${name(e)}`);
  for (const e of document.querySelectorAll("input, select")) if (!e.labels?.length && !e.getAttribute("aria-label")) say(`no label: ${name(e)}`);
  for (const e of document.querySelectorAll("button")) if (!e.textContent.trim() && !e.getAttribute("aria-label")) say(`no name: ${name(e)}`);
  return found;
}
