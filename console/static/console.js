// SPDX-License-Identifier: Apache-2.0
//
// Keeps a page live. The hub tells every two seconds that time has passed (server-sent events); htmx then asks for the part of
// the page that moves, and the chart for the recent past.
"use strict";
(() => {
  const state = document.getElementById("state");
  const say = (name, text) => {
    if (state.dataset.state === name) return; // said once, so that a screen reader is not kept busy
    state.dataset.state = name;
    state.textContent = text;
  };

  function ended() {
    say("off", "not live");
    document.getElementById("ended").hidden = false;
  }

  // What is asked for because time has passed must not undo what a person asked for meanwhile: a search, another order, another
  // page. Its answer counts only if nobody has asked for or got anything since.
  // Nor is anything asked for by time while a person waits for an answer. Of what a person asks for, the last counts.
  let asked = 0;
  let last = null;
  let busyUntil = 0;
  const byTime = (e) => e.detail.requestConfig.elt.id === "live";
  document.body.addEventListener("htmx:beforeRequest", (e) => {
    if (byTime(e)) {
      e.detail.xhr.asked = asked;
      return;
    }
    asked++;
    if (e.detail.target.id === "live") last = e.detail.xhr;
    busyUntil = Date.now() + 5000; // at most
  });
  document.body.addEventListener("htmx:beforeSwap", (e) => {
    if (e.detail.target.id === "steering" && e.detail.xhr.getResponseHeader("Content-Type").startsWith("text/html")) {
      e.detail.shouldSwap = true; // why something was not ordered is told there, too
      e.detail.isError = false;
    }
    if (byTime(e)) {
      if (e.detail.xhr.asked !== asked) e.detail.shouldSwap = false;
      return;
    }
    if (e.detail.target.id === "live" && e.detail.xhr !== last) {
      e.detail.shouldSwap = false;
      return;
    }
    asked++;
    busyUntil = 0;
  });

  // What a page, or an answer, begins with is where the focus goes. Browsers do not take autofocus in what is put in later.
  const focus = (within) => {
    const first = within.querySelector("[data-focus]");
    if (first) first.focus();
  };
  document.body.addEventListener("htmx:afterSettle", (e) => {
    if (e.detail.target.id === "steering") focus(e.detail.target);
  });
  focus(document);

  function refresh() {
    const live = document.getElementById("live");
    if (!live || live.classList.contains("htmx-request") || Date.now() < busyUntil) return;
    htmx.ajax("GET", live.dataset.self, { source: live, target: live, swap: "morph:outerHTML" });
  }

  function listen() {
    const source = new EventSource("/api/v1/events");
    source.addEventListener("overview", () => {
      say("on", "live");
      if (document.visibilityState === "hidden") return;
      refresh();
      if (chart) chart.refresh();
    });
    source.addEventListener("end", () => {
      source.close();
      ended();
    });
    source.addEventListener("error", async () => {
      say("wait", "reconnecting");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      source.close();
      const answer = await fetch("/api/v1/session").catch(() => null);
      if (answer && answer.status === 401) ended();
      else setTimeout(listen, 3000);
    });
    addEventListener("pagehide", () => source.close());
  }

  // A chart of rates, with the queue on an axis of its own: where the queue grows, our rates go down.
  const names = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  function bits(v) {
    if (v == null) return "–";
    let unit = 0;
    for (; v >= 1000 && unit < names.length - 1; unit++) v /= 1000;
    return (unit === 0 ? v.toFixed(0) : v.toFixed(1)) + " " + names[unit];
  }
  const short = (v) => bits(v).replace("bit/s", "").replace(".0 ", " ").replace(" ", " ");
  const ms = (v) => (v == null ? "–" : v >= 1000 ? (v / 1000).toFixed(1) + " s" : v.toFixed(1) + " ms");

  class Chart {
    constructor(where) {
      this.where = where;
      this.url = where.dataset.history;
      this.dark = matchMedia("(prefers-color-scheme: dark)");
      this.dark.addEventListener("change", () => this.draw());
      new ResizeObserver(() => this.plot && this.plot.setSize(this.size())).observe(where);
      this.refresh();
    }
    size() {
      return { width: this.where.clientWidth, height: 260 };
    }
    async refresh() {
      const answer = await fetch(this.url).catch(() => null);
      if (!answer || !answer.ok) return;
      const h = await answer.json();
      this.data = [h.times, h.wan_bits_per_second, h.lan_bits_per_second, h.queue_delay_ms];
      if (this.plot) this.plot.setData(this.data);
      else this.draw();
    }
    draw() {
      if (!this.data) return;
      if (this.plot) this.plot.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(name).trim();
      const grid = { stroke: colour("--grid"), width: 1 };
      const axis = (more) => ({ stroke: colour("--soft"), grid, ticks: grid, font: "12px system-ui, sans-serif", ...more });
      const line = (label, name, more) => ({ label, stroke: colour(name), width: 2, points: { show: false }, ...more });
      const floor = (least) => (_, low, high) => [0, Math.max(high == null ? 0 : high * 1.1, least)];
      this.plot = new uPlot({
        ...this.size(),
        scales: { x: { time: true }, rate: { range: floor(1e6) }, queue: { range: floor(10) } },
        legend: { live: true },
        cursor: { points: { size: 6 } },
        series: [
          { label: "time (UTC)", value: (_, t) => (t == null ? "–" : new Date(t * 1000).toISOString().slice(11, 19)) },
          line("over the WAN", "--wan", { scale: "rate", fill: colour("--wan-fill"), value: (_, v) => bits(v) }),
          line("between neighbours", "--lan", { scale: "rate", value: (_, v) => bits(v) }),
          line("queue delay", "--queue", { scale: "queue", dash: [4, 3], value: (_, v) => ms(v) }),
        ],
        axes: [
          axis({ values: (_, ts) => ts.map((t) => new Date(t * 1000).toISOString().slice(11, 16)), space: 70 }),
          axis({ scale: "rate", values: (_, vs) => vs.map(short), size: 62, label: "rate (bit/s)", labelSize: 18, labelFont: "12px system-ui, sans-serif" }),
          axis({ scale: "queue", side: 1, grid: { show: false }, values: (_, vs) => vs.map((v) => v + " ms"), size: 72, label: "queue delay", labelSize: 18, labelFont: "12px system-ui, sans-serif" }),
        ],
        tzDate: (t) => uPlot.tzDate(new Date(t * 1000), "UTC"),
      }, this.data, this.where);
      this.where.querySelector("table.u-legend").setAttribute("aria-label", "Values at the cursor, or the last ones");
    }
  }

  // What draws itself is left alone when the rest of the page is changed.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !(old.dataset && old.dataset.history);

  const where = document.getElementById("chart");
  const chart = where ? new Chart(where) : null;
  listen();

  addEventListener("keydown", (e) => {
    const find = document.getElementById("q");
    if (e.key !== "/" || !find || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    e.preventDefault();
    find.focus();
  });
})();
